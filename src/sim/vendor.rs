//! Recharge on meters without a security module, maker by maker (`reference/dlt645.md` 6.5).
//!
//! Written from that table alone. Where it is silent the meter is strict: a flag other than zero, a
//! length that is not in the table or an opening where a recharge is due are refused.

use super::bcd;
use super::meter::Meter;
use super::secure::serr;
use super::setup::Layout;
use crate::units::{AccountNo, CreditUnit};

/// Serial bytes some KO frames end with.
const KO_SERIAL: usize = 4;
/// KO 2018 behind identifier and operator: meter 6, customer 6, amount 4, count 2, flag 1.
const KO_2018: usize = 19;
/// Kede: amount 4, count 4, flag 1, 13 zeros.
const KEDE: usize = 22;
/// The operator code of Kede frames.
const KEDE_OPERATOR: [u8; 4] = [1, 0, 0, 0];
/// "Money in", in KO's flag and Kede's.
const MONEY_IN: u8 = 0;

/// What a frame asks to be booked.
struct Wish {
    account: AccountNo,
    count: u64,
    amount: i64,
}

/// C3 of KO meters: 80 count, 81 customer, 82 hoarding, 84 length; anything else as ERR 01.
pub(super) fn ko_error(bits: u16) -> u8 {
    match bits {
        serr::REPEAT | serr::COUNT => 0x80,
        serr::CUSTOMER | serr::ADDRESS => 0x81,
        serr::HOARD => 0x82,
        serr::LENGTH => 0x84,
        _ => 0x01,
    }
}

impl Meter {
    /// Whether the meter's own layout lets an opening or recharge of the grid company's form pass.
    ///
    /// A TW gateway's meter takes its first purchase as an opening and every later one as a
    /// recharge; an opening that comes twice is refused like a recharge that comes twice.
    pub(super) fn right_command(
        &self,
        opening: bool,
        count: u32,
        account: AccountNo,
    ) -> Result<(), u16> {
        if self.setup.layout != Layout::Tw {
            return Ok(());
        }
        match (opening, self.purse.count) {
            (true, 0) if self.purse.account.is_some_and(|own| own != account) => {
                Err(serr::CUSTOMER)
            }
            (true, 0) => Ok(()),
            (true, stored) if stored == count => Err(serr::REPEAT),
            (true, _) => Err(serr::COUNT),
            (false, 0) => Err(serr::OTHER),
            (false, _) => Ok(()),
        }
    }

    /// Body of a frame of the grid company's form: KO meters may send four serial bytes behind it.
    pub(super) fn purse_body<'a>(&self, body: &'a [u8]) -> Result<&'a [u8], u16> {
        const BODY: usize = 22;
        match (self.setup.layout, body.len()) {
            (_, BODY) => Ok(body),
            (Layout::Ko, len) if len == BODY + KO_SERIAL => Ok(&body[..BODY]),
            (Layout::Ko, _) => Err(serr::LENGTH),
            _ => Err(serr::OTHER),
        }
    }

    /// 070102FF of KO meters of 2018: meter, customer, amount BCD, count BCD, flag.
    pub(super) fn credit_ko_2018(&mut self, body: &[u8], opening: bool) -> Result<Vec<u8>, u16> {
        if opening {
            return Err(serr::OTHER);
        }
        if body.len() != KO_2018 && body.len() != KO_2018 + KO_SERIAL {
            return Err(serr::LENGTH);
        }
        if body[..6] != self.no.wire() {
            return Err(serr::ADDRESS);
        }
        let account = body[6..].first_chunk().and_then(|wire| AccountNo::from_wire(*wire));
        let own = self.purse.account.ok_or(serr::CUSTOMER)?;
        if account != Some(own) {
            return Err(serr::CUSTOMER);
        }
        let amount = decimal(&body[12..16])?;
        let count = bcd::decode(&body[16..18]).ok_or(serr::OTHER)?;
        if body[18] != MONEY_IN {
            return Err(serr::OTHER);
        }
        self.take(&Wish { account: own, count, amount })
    }

    /// 070102FF of Kede meters: energy, and no word of whose.
    pub(super) fn credit_kede(
        &mut self,
        operator: [u8; 4],
        body: &[u8],
        opening: bool,
    ) -> Result<Vec<u8>, u16> {
        let fits = body.len() == KEDE && operator == KEDE_OPERATOR;
        if opening || !fits || self.setup.unit != CreditUnit::Kwh {
            return Err(serr::OTHER);
        }
        let account = self.purse.account.ok_or(serr::CUSTOMER)?;
        let amount = decimal(&body[..4])?;
        let count = bcd::decode(&body[4..8]).ok_or(serr::OTHER)?;
        if body[8] != MONEY_IN || body[9..] != [0; 13] {
            return Err(serr::OTHER);
        }
        self.take(&Wish { account, count, amount })
    }

    /// The checks of 6.1 that concern the count and the limit, and the booking.
    fn take(&mut self, wish: &Wish) -> Result<Vec<u8>, u16> {
        let stored = u64::from(self.purse.count);
        if wish.count == stored {
            return Err(serr::REPEAT);
        }
        let next = self.purse.count.checked_add(1).filter(|next| u64::from(*next) == wish.count);
        let next = next.ok_or(serr::COUNT)?;
        self.check_room(wish.amount)?;
        if self.write_is_lost() {
            return Ok(Vec::new());
        }
        self.book(wish.account, next, wish.amount);
        Ok(self.purse_reply())
    }
}

/// Four bytes of digits, hundredths.
fn decimal(bytes: &[u8]) -> Result<i64, u16> {
    bcd::decode(bytes).and_then(|value| i64::try_from(value).ok()).ok_or(serr::OTHER)
}
