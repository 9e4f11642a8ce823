//! 03H: authentication, opening an account, recharge, status (`reference/dlt645.md` 6.1, 6.2, 6.5).

use super::answer::Act;
use super::bcd;
use super::esam::{self, SESSION_MINUTES, Session};
use super::faults::Fault;
use super::meter::Meter;
use super::noise;
use super::purse::{BALANCE_MAX, Purchase};
use super::setup::{ErrorWord, Layout, Security};
use super::vendor;
use crate::units::AccountNo;

/// SERR bits (6.2).
pub(super) mod serr {
    pub const OTHER: u16 = 1 << 0;
    pub const REPEAT: u16 = 1 << 1;
    pub const ESAM: u16 = 1 << 2;
    pub const IDENTITY: u16 = 1 << 3;
    pub const CUSTOMER: u16 = 1 << 4;
    pub const COUNT: u16 = 1 << 5;
    pub const HOARD: u16 = 1 << 6;
    pub const ADDRESS: u16 = 1 << 7;
    pub const SUSPENDED: u16 = 1 << 8;
    /// The maker's own bit: a KO meter's "length".
    pub const LENGTH: u16 = 1 << 15;
}

/// MAC errors in one clock hour that suspend money and remote control until the hour changes.
pub const MAC_ERRORS_MAX: u8 = 15;
/// Every so many MAC errors end the session.
const MAC_ERRORS_A_SESSION: u8 = 3;
/// Key information shown while keys are in force: formal or test.
const FORMAL_KEYS: [u8; 4] = [1, 0, 0, 0];
const TEST_KEYS: [u8; 4] = [0, 0, 0, 0];

/// A request's body after `DI op`, and what came before it.
struct Call<'a> {
    di: u32,
    operator: [u8; 4],
    body: &'a [u8],
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn customer(bytes: &[u8], at: usize) -> Option<AccountNo> {
    AccountNo::from_wire(*bytes.get(at..)?.first_chunk()?)
}

impl Meter {
    /// Answers 03H.
    pub(super) fn secure(&mut self, data: &[u8]) -> Act {
        let Some(([d0, d1, d2, d3, operator @ ..], body)) = data.split_first_chunk::<8>() else {
            return self.serr(serr::OTHER);
        };
        let di = [*d0, *d1, *d2, *d3];
        let call = Call { di: u32::from_le_bytes(di), operator: *operator, body };
        let extra = match call.di {
            0x0700_00FF => self.authenticate(&call),
            0x0700_01FF => self.set_validity(&call),
            0x0700_02FF => self.end_session(&call),
            0x0700_03FF => self.authenticate_infrared(&call),
            0x0780_03FF => self.infrared_challenge(&call),
            0x0701_01FF => self.credit(&call, true),
            0x0701_02FF => self.credit(&call, false),
            0x0701_03FF => self.initialise(&call),
            0x0780_01FF => self.read_back(&call),
            0x0781_02FF => self.purse_status(&call),
            _ => Err(serr::OTHER),
        };
        match extra {
            Ok(extra) => Act::Done([&di[..], &extra].concat()),
            Err(bits) => self.serr(bits),
        }
    }

    /// C3 in this meter's width.
    fn serr(&self, bits: u16) -> Act {
        let [low, high] = bits.to_le_bytes();
        if matches!(self.setup.layout, Layout::Ko | Layout::Ko2018) {
            return Act::Refuse(vec![vendor::ko_error(bits)]);
        }
        Act::Refuse(match self.setup.error_word {
            ErrorWord::Wide => vec![low, high],
            ErrorWord::Narrow => vec![low],
            ErrorWord::Err => vec![if bits & serr::REPEAT != 0 { 0x02 } else { 0x01 }],
        })
    }

    fn has_module(&self) -> bool {
        self.setup.security == Security::Esam
    }

    /// The authentication in force, if one is.
    pub(super) fn live_session(&self) -> Option<Session> {
        self.session.filter(|session| self.time.up_ms < session.until_ms)
    }

    /// Too many MAC errors in this clock hour.
    pub(super) fn mac_suspended(&mut self) -> bool {
        let hour = self.time.clock().seconds() / 3600;
        if self.access.mac_hour != hour {
            self.access.mac_hour = hour;
            self.access.mac_errors = 0;
        }
        self.access.mac_errors >= MAC_ERRORS_MAX
    }

    pub(super) fn count_mac_error(&mut self) {
        self.access.mac_errors = self.access.mac_errors.saturating_add(1);
        if self.access.mac_errors.is_multiple_of(MAC_ERRORS_A_SESSION) {
            self.session = None;
        }
    }

    /// Blocked, or not authenticated: the checks every secured request begins with. A meter without
    /// a module lets everything pass.
    fn secured(&mut self) -> Result<Option<Session>, u16> {
        if !self.has_module() {
            return Ok(None);
        }
        if self.mac_suspended() {
            return Err(serr::SUSPENDED);
        }
        self.live_session().map(Some).ok_or(serr::IDENTITY)
    }

    /// Checks `bytes` against the MAC behind them.
    fn check_mac(
        &mut self,
        session: Option<Session>,
        bytes: &[u8],
        code: &[u8],
    ) -> Result<(), u16> {
        let Some(session) = session else { return Ok(()) };
        if esam::mac(self.setup.no, session.random2, bytes) == code {
            return Ok(());
        }
        self.count_mac_error();
        Err(serr::ESAM)
    }

    fn challenge(&mut self, place: u64) -> u64 {
        self.challenges += 1;
        noise::still(self.seed, self.challenges, place, u64::MAX)
    }

    fn open_session(&mut self) -> Session {
        let random = self.challenge(2).to_le_bytes();
        let session = Session {
            random2: [random[0], random[1], random[2], random[3]],
            until_ms: self.time.up_ms + SESSION_MINUTES * 60_000,
        };
        self.session = Some(session);
        session
    }

    /// cipher 8, random 8, diversifier 8 -> random 4, module serial 8.
    fn authenticate(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        if !self.has_module() || call.body.len() != 24 {
            return Err(serr::OTHER);
        }
        if self.mac_suspended() {
            return Err(serr::SUSPENDED);
        }
        let random1 = call.body[8..].first_chunk().copied().unwrap_or_default();
        let right = call.body[..8] == esam::cipher1(self.setup.no, random1)
            && call.body[16..] == esam::diversifier(self.setup.no);
        if !right {
            self.count_mac_error();
            return Err(serr::IDENTITY);
        }
        let session = self.open_session();
        Ok([&session.random2[..], &esam::SERIAL].concat())
    }

    /// minutes 2 BCD, MAC 4.
    fn set_validity(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        let session = self.secured()?;
        let minutes = call.body.get(..2).and_then(bcd::decode).filter(|_| call.body.len() == 6);
        let minutes = minutes.ok_or(serr::OTHER)?;
        self.check_mac(session, &call.body[..2], &call.body[2..])?;
        if let Some(session) = &mut self.session {
            session.until_ms = self.time.up_ms + minutes * 60_000;
        }
        Ok(Vec::new())
    }

    /// -> customer 6, money 4, count 4, key information 4.
    fn end_session(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        if !call.body.is_empty() || !self.has_module() {
            return Err(serr::OTHER);
        }
        self.session = None;
        let parts = [&self.customer_bytes()[..], &self.money(), &self.count_bytes(), &self.keys()];
        Ok(parts.concat())
    }

    /// random 8 -> meter number 6, module serial 8, cipher 8, random 8. The bytes are the
    /// simulator's own choice; the references give only the lengths.
    fn infrared_challenge(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        let random: [u8; 8] = call.body.try_into().map_err(|_| serr::OTHER)?;
        if !self.has_module() {
            return Err(serr::OTHER);
        }
        let cipher = esam::cipher1(self.setup.no, random);
        let own = self.infrared_random();
        Ok([&self.setup.no.wire()[..], &esam::SERIAL, &cipher, &own].concat())
    }

    /// The random number the infrared port hands out until it is used up.
    fn infrared_random(&self) -> [u8; 8] {
        noise::still(self.seed, self.challenges, 3, u64::MAX).to_le_bytes()
    }

    /// cipher 8 over the random number of the challenge.
    fn authenticate_infrared(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        if !self.has_module() {
            return Err(serr::OTHER);
        }
        if self.mac_suspended() {
            return Err(serr::SUSPENDED);
        }
        if call.body != esam::cipher1(self.setup.no, self.infrared_random()) {
            self.count_mac_error();
            return Err(serr::IDENTITY);
        }
        self.open_session();
        Ok(Vec::new())
    }

    /// Opening and recharge. Checks in the order of 6.1.
    fn credit(&mut self, call: &Call<'_>, opening: bool) -> Result<Vec<u8>, u16> {
        match self.setup.layout {
            Layout::Order => return self.credit_by_order(call, opening),
            Layout::Ko2018 => return self.credit_ko_2018(call.body, opening),
            Layout::Kede => return self.credit_kede(call.operator, call.body, opening),
            Layout::Sgcc | Layout::Ko | Layout::Tw => {}
        }
        let body = self.purse_body(call.body)?;
        let session = self.secured()?;
        let amount = i64::from(number(body, 0).ok_or(serr::OTHER)?);
        let count = number(body, 4).ok_or(serr::OTHER)?;
        // All zeros means "no account" and cannot be a customer.
        let account = customer(body, 12).filter(|account| account.wire() != [0; 6]);
        let account = account.ok_or(serr::CUSTOMER)?;
        self.right_command(opening, count, account)?;
        if !opening && self.purse.account != Some(account) {
            return Err(serr::CUSTOMER);
        }
        let only_opens = opening && count == self.purse.count;
        if count == self.purse.count && !opening {
            return Err(serr::REPEAT);
        }
        if !only_opens && Some(count) != self.purse.count.checked_add(1) {
            return Err(serr::COUNT);
        }
        if !only_opens {
            self.check_room(amount)?;
        }
        self.check_mac(session, &body[..8], &body[8..12])?;
        self.check_mac(session, &body[12..18], &body[18..])?;
        if self.write_is_lost() {
            return Ok(Vec::new());
        }
        if opening {
            self.purse.account = Some(account);
        }
        if !only_opens {
            self.book(account, count, amount);
        }
        Ok(self.purse_reply())
    }

    /// The layout with an order number and no count (TMS).
    fn credit_by_order(&mut self, call: &Call<'_>, opening: bool) -> Result<Vec<u8>, u16> {
        if call.body.len() != 26 {
            return Err(serr::OTHER);
        }
        self.secured()?;
        let amount = i64::from(number(call.body, 0).ok_or(serr::OTHER)?);
        let order = call.body[4..].first_chunk::<8>().copied().unwrap_or_default();
        if call.body[16..22] != self.no.wire() {
            return Err(serr::ADDRESS);
        }
        if self.purse.order == Some(order) {
            return Err(serr::REPEAT);
        }
        let account = match self.purse.account {
            Some(account) => account,
            // The frame names no customer: opening takes the meter's own number for it.
            None if opening => AccountNo::from_wire(self.no.wire()).ok_or(serr::OTHER)?,
            None => return Err(serr::OTHER),
        };
        let count = self.purse.count.checked_add(1).ok_or(serr::COUNT)?;
        self.check_room(amount)?;
        if self.write_is_lost() {
            return Ok(Vec::new());
        }
        self.purse.account = Some(account);
        self.purse.order = Some(order);
        self.book(account, count, amount);
        Ok(self.purse_reply())
    }

    /// Hoarding limit, and what the registers can show and the ledger hold.
    pub(super) fn check_room(&self, amount: i64) -> Result<(), u16> {
        let after = self.purse.balance() + amount;
        let limit = self.hoard_limit();
        if after > BALANCE_MAX || limit > 0 && after > limit {
            return Err(serr::HOARD);
        }
        if self.purse.is_full() { Err(serr::OTHER) } else { Ok(()) }
    }

    pub(super) fn book(&mut self, account: AccountNo, count: u32, amount: i64) {
        let torn = matches!(self.struck, Some(Fault::TornWrite(_)));
        let date = self.time.clock().short_stamp();
        let at = self.time.uptime();
        self.purse.book(Purchase { account, count, amount, date, at }, torn);
        self.permit_close();
    }

    /// amount 4, MAC 4, count 4 (= 0), MAC 4; only while test keys are in. The account is closed.
    fn initialise(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        if call.body.len() != 16 {
            return Err(serr::OTHER);
        }
        let session = self.secured()?;
        // With formal keys the module finds the MAC wrong, whatever it is.
        if !self.setup.test_keys {
            return Err(serr::ESAM);
        }
        let amount = i64::from(number(call.body, 0).ok_or(serr::OTHER)?);
        if number(call.body, 8) != Some(0) {
            return Err(serr::COUNT);
        }
        if amount > BALANCE_MAX {
            return Err(serr::HOARD);
        }
        self.check_mac(session, &call.body[..4], &call.body[4..8])?;
        self.check_mac(session, &call.body[8..12], &call.body[12..])?;
        if !self.write_is_lost() && !self.purse.is_full() {
            self.purse.reset(None, Some(amount), self.time.uptime());
        }
        Ok(Vec::new())
    }

    /// length 2, start 2, file 2, directory 2 -> the same, data, MAC: the purse file DF01/0002.
    fn read_back(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        let session = self.secured()?.ok_or(serr::OTHER)?;
        let header: [u8; 8] = call.body.try_into().map_err(|_| serr::OTHER)?;
        let [l0, l1, s0, s1, place @ ..] = header;
        if place != [0x02, 0x00, 0x01, 0xDF] {
            return Err(serr::OTHER);
        }
        let (len, start) = (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([s0, s1]));
        let file = [self.money(), self.count_bytes()].concat();
        let end = usize::from(start) + usize::from(len);
        let data = file.get(usize::from(start)..end).ok_or(serr::OTHER)?;
        let code = esam::mac(self.setup.no, session.random2, data);
        Ok([&header[..], data, &code].concat())
    }

    /// -> money 4, MAC 4, count 4, MAC 4, customer 6, key information 4.
    fn purse_status(&mut self, call: &Call<'_>) -> Result<Vec<u8>, u16> {
        if !call.body.is_empty() {
            return Err(serr::OTHER);
        }
        let (money, count) = (self.money(), self.count_bytes());
        let code = |bytes: &[u8]| match self.live_session() {
            Some(session) => esam::mac(self.setup.no, session.random2, bytes),
            None => [0; 4],
        };
        let parts = [money, code(&money), count, code(&count)].concat();
        Ok([&parts[..], &self.customer_bytes(), &self.keys()].concat())
    }

    /// What KO meters add to their answer.
    pub(super) fn purse_reply(&self) -> Vec<u8> {
        let ko = matches!(self.setup.layout, Layout::Ko | Layout::Ko2018);
        if !self.setup.reply_purse && !ko {
            return Vec::new();
        }
        [&self.money()[..], &self.count_bytes(), &self.customer_bytes()].concat()
    }

    fn money(&self) -> [u8; 4] {
        u32::try_from(self.purse.balance()).unwrap_or(u32::MAX).to_le_bytes()
    }

    fn count_bytes(&self) -> [u8; 4] {
        self.purse.count.to_le_bytes()
    }

    pub(super) fn customer_bytes(&self) -> [u8; 6] {
        self.purse.account.map_or([0; 6], AccountNo::wire)
    }

    fn keys(&self) -> [u8; 4] {
        if self.setup.test_keys { TEST_KEYS } else { FORMAL_KEYS }
    }
}
