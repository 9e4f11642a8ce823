//! 04H and 0FH: what is written, and with which password.

use super::super::access::NOT_AUTHORISED;
use super::super::answer::Act;
use super::super::meter::Meter;
use super::super::params::WriteFault;
use super::{ILLEGAL, NO_SUCH_IDENTIFIER, refuse};

/// Nobody: 1997 requests carry no operator code.
const NO_OPERATOR: [u8; 4] = [0; 4];

/// The 2007 item that keeps a 1997 one (the map of section 4), and whether it may be written.
pub(super) fn stored(di: u16) -> Option<(u32, bool)> {
    Some(match di {
        0xC010 => (0x0400_0101, true),
        0xC011 => (0x0400_0102, true),
        0xC030 => (0x0400_0409, false),
        0xC031 => (0x0400_040A, false),
        0xC032 | 0xC034 => (0x0400_0402, true),
        0xC033 => (0x0400_040E, true),
        0xC111 => (0x0400_0103, true),
        0xC112 => (0x0400_0104, true),
        0xC211 => (0x0400_0105, true),
        0xC310 => (0x0400_0201, true),
        0xC311 => (0x0400_0202, true),
        0xC312 => (0x0400_0203, true),
        0xC313 => (0x0400_0204, true),
        _ => return None,
    })
}

impl Meter {
    /// 04H: `DI(2) PA P0 P1 P2 data`.
    pub(super) fn write_1997(&mut self, data: &[u8]) -> Act {
        let Some(([d0, d1, key @ ..], value)) = data.split_first_chunk::<6>() else {
            return refuse(ILLEGAL);
        };
        let di = u16::from_le_bytes([*d0, *d1]);
        if !self.password_allows(*key) {
            return refuse(NOT_AUTHORISED);
        }
        // C212 is the password of a level: PA and three bytes.
        if di == 0xC212 {
            let Ok(new) = <[u8; 4]>::try_from(value) else { return refuse(ILLEGAL) };
            return self.new_password(new, Vec::new());
        }
        let Some((in_2007, true)) = stored(di).filter(|_| self.has_1997(di)) else {
            return refuse(NO_SUCH_IDENTIFIER);
        };
        match self.store_item(in_2007, NO_OPERATOR, value) {
            Ok(()) => Act::Done(Vec::new()),
            Err(WriteFault::Unknown) => refuse(NO_SUCH_IDENTIFIER),
            Err(WriteFault::Content) => refuse(ILLEGAL),
        }
    }

    /// Whether an item of the tables is one of this meter's: a row with a form of its own is not.
    fn has_1997(&self, di: u16) -> bool {
        let rows = self.setup.rows.as_deref();
        rows.is_none_or(|rows| rows.iter().any(|row| row.is_table_row(di)))
    }

    /// 0FH: `PA P(3)` old, `PA P(3)` new.
    pub(super) fn change_password_1997(&mut self, data: &[u8]) -> Act {
        let Some((old, new)) = data.split_first_chunk::<4>() else { return refuse(ILLEGAL) };
        let Ok(new) = <[u8; 4]>::try_from(new) else { return refuse(ILLEGAL) };
        if !self.password_allows(*old) || old[0] > new[0] {
            return refuse(NOT_AUTHORISED);
        }
        self.new_password(new, new.to_vec())
    }

    fn new_password(&mut self, new: [u8; 4], answer: Vec<u8>) -> Act {
        if self.write_is_lost() {
            return Act::Silent;
        }
        if self.access.set_password(new) { Act::Done(answer) } else { refuse(ILLEGAL) }
    }
}
