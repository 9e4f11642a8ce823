//! The meter of 1997: two-byte identifiers, its own control codes, blocks with separators
//! (`reference/dlt645.md` 2.2, 2.3, 4).
//!
//! A meter made from a profile has the profile's identifiers only (`rows.rs`); one of the edition
//! alone has those of the tables.
//!
//! Limits: the speed cannot be changed (0CH goes unheard), no load profile, and makers' commands
//! (05, 09, 0B, 0D) are silent.

mod registers;
mod rows;
mod store;

pub use rows::ProfileRow;

use super::access::NOT_AUTHORISED;
use super::answer::Act;
use super::faults::Request;
use super::meter::{FollowUp, Meter};
use super::setup::Separator;

/// ERR bits of 1997 (2.3).
const ILLEGAL: u8 = 0x01;
const NO_SUCH_IDENTIFIER: u8 = 0x02;
/// Ends or separates the values of a block.
const SEPARATOR: u8 = 0xAA;
/// Control codes that are heard on 99 as well, and answered with the meter's own address.
const HEARD_BY_ALL: [u8; 3] = [0x01, 0x02, 0x0A];

/// The last answer to a reading, for 03H.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LastAnswer {
    more: bool,
    data: Vec<u8>,
}

fn refuse(bits: u8) -> Act {
    Act::Refuse(vec![bits])
}

/// Whether a request to everybody is answered all the same.
pub(super) fn answers_all(control: u8) -> bool {
    HEARD_BY_ALL.contains(&control)
}

/// What kind of fault a request can meet.
pub(super) fn request_of(control: u8) -> Request {
    if matches!(control, 0x04 | 0x0A | 0x0F | 0x10) { Request::Write } else { Request::Read }
}

impl Meter {
    /// What a request comes to.
    pub(super) fn obey_1997(&mut self, by_wildcard: bool, control: u8, data: &[u8]) -> Act {
        match control {
            0x01 => self.read_1997(data),
            0x02 => self.read_on_1997(data),
            0x03 if data.is_empty() => self.read_again_1997(),
            0x0A => self.write_address(data),
            // The wildcard is for reading and finding only.
            _ if by_wildcard => Act::Silent,
            0x04 => self.write_1997(data),
            0x08 => {
                self.broadcast_time(data);
                Act::Silent
            }
            0x0F => self.change_password_1997(data),
            0x10 => self.clear_demand_1997(data),
            _ => Act::Silent,
        }
    }

    fn read_1997(&mut self, data: &[u8]) -> Act {
        self.follow_up = None;
        self.last_answer = None;
        let Ok(wire) = <[u8; 2]>::try_from(data) else { return refuse(ILLEGAL) };
        let di = u16::from_le_bytes(wire);
        let Some(bytes) = self.register_1997(di) else { return refuse(NO_SUCH_IDENTIFIER) };
        self.follow_up = Some(FollowUp { di: di.into(), data: bytes, sent: 0 });
        self.next_piece(wire)
    }

    /// 02H: the next piece. There is no number in it: whoever asks twice has missed one.
    fn read_on_1997(&mut self, data: &[u8]) -> Act {
        let Ok(wire) = <[u8; 2]>::try_from(data) else { return refuse(ILLEGAL) };
        let di = u32::from(u16::from_le_bytes(wire));
        let goes_on = self.follow_up.as_ref().is_some_and(|follow| follow.di == di);
        if goes_on { self.next_piece(wire) } else { refuse(NO_SUCH_IDENTIFIER) }
    }

    fn next_piece(&mut self, di: [u8; 2]) -> Act {
        let room = self.room() - di.len();
        let Some(follow) = &mut self.follow_up else { return refuse(NO_SUCH_IDENTIFIER) };
        let start = follow.sent * room;
        let rest = follow.data.get(start..).unwrap_or_default();
        if rest.is_empty() {
            return refuse(NO_SUCH_IDENTIFIER);
        }
        let piece = &rest[..rest.len().min(room)];
        let more = piece.len() < rest.len();
        let data = [&di[..], piece].concat();
        follow.sent += 1;
        self.last_answer = Some(LastAnswer { more, data: data.clone() });
        if more { Act::More(data) } else { Act::Done(data) }
    }

    /// 03H: the last answer to a reading again.
    fn read_again_1997(&self) -> Act {
        match &self.last_answer {
            Some(LastAnswer { more: true, data }) => Act::More(data.clone()),
            Some(LastAnswer { more: false, data }) => Act::Done(data.clone()),
            None => refuse(NO_SUCH_IDENTIFIER),
        }
    }

    /// 10H: `PA P(3)`.
    fn clear_demand_1997(&mut self, data: &[u8]) -> Act {
        let Ok(key) = <[u8; 4]>::try_from(data) else { return refuse(ILLEGAL) };
        if !self.password_allows(key) {
            return refuse(NOT_AUTHORISED);
        }
        if !self.write_is_lost() {
            self.energy.clear_peak();
        }
        Act::Done(Vec::new())
    }

    /// A block's values as this meter puts them: one after the other, and `AA` where it has a habit
    /// of it.
    fn block(&self, values: &[Vec<u8>]) -> Vec<u8> {
        match self.setup.separator {
            Separator::None => values.concat(),
            Separator::End => [&values.concat()[..], &[SEPARATOR]].concat(),
            Separator::Each => {
                values.iter().flat_map(|value| [&value[..], &[SEPARATOR]].concat()).collect()
            }
        }
    }
}
