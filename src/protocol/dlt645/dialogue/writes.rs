//! Commands that change a meter but carry no money: writes, address, freeze, speed, password,
//! relay.
//!
//! Each is sent once. No answer does not mean "not done": read back before doing it again.

use super::super::frame::{Address, Frame};
use super::super::words::{Edition, RelayCommand, feature_of_baud};
use super::exchange::{Question, Want, request};
use super::once::{Ended, Once};
use super::{ExchangeError, Timing};
use crate::protocol::map_done;
use crate::protocol::value::{CivilTime, to_bcd};
use crate::protocol::{Dialogue, Step, Tick};
use crate::units::MeterNo;

/// Data bytes of a write without the value: identifier, level and password, operator.
const WRITE_HEAD: usize = 12;
/// Most data bytes a 2007 write may have (the standard's limit; longer ones are vendor blocks).
const MOST_WRITE: usize = 200;
/// The same in 1997: identifier, level and password.
const WRITE_HEAD_1997: usize = 6;
/// From here on identifiers of 1997 are makers' own; concentrators map purses there (dlt645.md 4).
const MAKERS_1997: u16 = 0xD000;
/// Refund: carries money (dlt645.md 6.4).
pub const DI_REFUND: u32 = 0x0400_1006;

/// In which order the three password bytes go on the wire. Implementations disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordOrder {
    /// Low byte first, as the standard's fields go.
    #[default]
    LowFirst,
    /// As typed (some vendor firmware).
    AsTyped,
}

/// What authorises a command: level, password and who.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// PA: 00 to 09, or 98/99 for security modules.
    pub level: u8,
    /// The password as typed: six BCD digits, high byte first.
    pub password: [u8; 3],
    /// Operator code, high byte first; meters store it in their event records.
    pub operator: [u8; 4],
    /// Order of the password on the wire.
    pub order: PasswordOrder,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password has no business in a log.
        write!(f, "Access(level {:02X}, operator {:02X?})", self.level, self.operator)
    }
}

impl Access {
    /// PA, then the password.
    pub(super) fn password_wire(&self) -> [u8; 4] {
        let [p2, p1, p0] = self.password;
        match self.order {
            PasswordOrder::LowFirst => [self.level, p0, p1, p2],
            PasswordOrder::AsTyped => [self.level, p2, p1, p0],
        }
    }

    /// PA, password, operator: the head of most commands.
    pub(super) fn wire(&self) -> Vec<u8> {
        let mut wire = self.password_wire().to_vec();
        wire.extend(self.operator.iter().rev());
        wire
    }
}

/// Why a write was not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The item can carry money; only a recharge dialogue, with a proof from the journal, may.
    #[error("{0:08X} can carry money and is not written like a parameter")]
    Money(u32),
    /// More data than a frame holds.
    #[error("{0} bytes are too many for one write")]
    TooLong(usize),
}

/// A command and, where the answer repeats something, what it must repeat.
#[derive(Debug)]
struct Command {
    once: Once,
    echo: Option<Vec<u8>>,
}

impl Command {
    fn answered(question: Question, timing: Timing) -> Self {
        Self { once: Once::new(question, timing), echo: None }
    }

    fn echoed(question: Question, echo: Vec<u8>, timing: Timing) -> Self {
        Self { once: Once::new(question, timing), echo: Some(echo) }
    }

    fn unanswered(frame: Frame, timing: Timing) -> Self {
        Self { once: Once::unanswered(frame, timing), echo: None }
    }
}

macro_rules! command {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name(Command);

        impl Dialogue for $name {
            /// The data of the meter's answer, mostly none.
            type Output = Result<Vec<u8>, ExchangeError>;

            fn step(&mut self, now: Tick) -> Step<Self::Output> {
                let echo = &self.0.echo;
                map_done(self.0.once.step(now), |ended: Ended| match (ended?, echo) {
                    (Some(frame), Some(echo)) if frame.data != *echo => Err(ExchangeError::Form),
                    (Some(frame), _) => Ok(frame.data),
                    (None, _) => Ok(Vec::new()),
                })
            }

            fn sent(&mut self, end: Tick) {
                self.0.once.sent(end);
            }

            fn feed(&mut self, bytes: &[u8], now: Tick) {
                self.0.once.feed(bytes, now);
            }
        }
    };
}

command! {
    /// Writes one item (14H; 04H in 1997).
    Write
}

command! {
    /// Gives the only meter on the line an address (15H to all `AA`, 0AH in 1997); it answers from
    /// the new one.
    WriteAddress
}

command! {
    /// Freezes registers now or by a pattern (16H).
    Freeze
}

command! {
    /// Changes the line speed (17H; 0CH in 1997). The answer comes at the OLD speed; change over
    /// after it.
    ChangeBaud
}

command! {
    /// Changes a password (18H).
    ChangePassword
}

command! {
    /// Trip, close, alarm, keep-power (1CH).
    Relay
}

command! {
    /// Sets the time of every meter on the line (08H, both editions). Nobody answers; meters ignore
    /// it when they are off by more than five minutes (ten in 1997), near midnight, or had one that
    /// day.
    BroadcastTime
}

impl Write {
    /// Writes `value` (wire order) to item `di`.
    ///
    /// # Errors
    /// [`WriteError::Money`] for items that can carry an amount, [`WriteError::TooLong`].
    pub fn new(
        address: Address,
        di: u32,
        access: &Access,
        value: &[u8],
        timing: Timing,
    ) -> Result<Self, WriteError> {
        // 07xxxxxx are security commands and vendor blocks with amounts in them.
        if di == DI_REFUND || di >> 24 == 0x07 {
            return Err(WriteError::Money(di));
        }
        if WRITE_HEAD + value.len() > MOST_WRITE {
            return Err(WriteError::TooLong(value.len()));
        }
        let mut data = di.to_le_bytes().to_vec();
        data.extend(access.wire());
        data.extend_from_slice(value);
        let question = Question::new(request(address, 0x14, data), Want::Function, 0);
        Ok(Self(Command::answered(question, timing)))
    }
}

impl Write {
    /// Writes `value` (wire order) to item `di` of a 1997 meter. No operator code goes with it.
    ///
    /// # Errors
    /// [`WriteError::Money`] for makers' own items (Dxxx and above), where purses are kept;
    /// [`WriteError::TooLong`].
    pub fn v1997(
        address: Address,
        di: u16,
        access: &Access,
        value: &[u8],
        timing: Timing,
    ) -> Result<Self, WriteError> {
        if di >= MAKERS_1997 {
            return Err(WriteError::Money(di.into()));
        }
        if WRITE_HEAD_1997 + value.len() > MOST_WRITE {
            return Err(WriteError::TooLong(value.len()));
        }
        let mut data = di.to_le_bytes().to_vec();
        data.extend(access.password_wire());
        data.extend_from_slice(value);
        let question = Question::v1997(request(address, 0x04, data), Want::Function, 0);
        Ok(Self(Command::answered(question, timing)))
    }
}

impl WriteAddress {
    /// A meter of 1997. `at` is what it hears now: its address, all `AA` or all `99`, by firmware.
    pub fn v1997(at: Address, to: MeterNo, timing: Timing) -> Self {
        let frame = request(at, 0x0A, to.wire().to_vec());
        let mut question = Question::v1997(frame, Want::Function, 0);
        question.from = Address::meter(to);
        Self(Command::answered(question, timing))
    }

    /// The new address is `to`.
    pub fn new(to: MeterNo, timing: Timing) -> Self {
        let frame = request(Address::ANY, 0x15, to.wire().to_vec());
        let mut question = Question::new(frame, Want::Function, 0);
        question.from = Address::meter(to);
        Self(Command::answered(question, timing))
    }
}

/// When registers are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreezeWhen {
    /// At once.
    Now,
    /// Every hour at this minute.
    Hourly {
        /// 0 to 59.
        minute: u8,
    },
    /// Every day at this time.
    Daily {
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
    },
    /// Every month on this day and time.
    Monthly {
        /// 1 to 28.
        day: u8,
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
    },
}

impl FreezeWhen {
    /// mm hh DD MM, with 99 for "every".
    pub fn wire(self) -> [u8; 4] {
        match self {
            Self::Now => [99; 4],
            Self::Hourly { minute } => [minute, 99, 99, 99],
            Self::Daily { hour, minute } => [minute, hour, 99, 99],
            Self::Monthly { day, hour, minute } => [minute, hour, day, 99],
        }
        .map(to_bcd)
    }
}

impl Freeze {
    /// To one meter, or to all with [`Address::BROADCAST`] (then nobody answers).
    pub fn new(address: Address, when: FreezeWhen, timing: Timing) -> Self {
        let frame = request(address, 0x16, when.wire().to_vec());
        if address == Address::BROADCAST {
            return Self(Command::unanswered(frame, timing));
        }
        Self(Command::answered(Question::new(frame, Want::Function, 0), timing))
    }
}

impl ChangeBaud {
    /// For a meter of 1997. `None` if that edition has no feature bit for this speed.
    pub fn v1997(address: Address, baud: u32, timing: Timing) -> Option<Self> {
        let feature = feature_of_baud(Edition::V1997, baud)?;
        let frame = request(address, 0x0C, vec![feature]);
        let question = Question::v1997(frame, Want::Function, 1);
        Some(Self(Command::echoed(question, vec![feature], timing)))
    }

    /// `None` if DL/T 645-2007 has no feature bit for this speed.
    pub fn new(address: Address, baud: u32, timing: Timing) -> Option<Self> {
        let feature = feature_of_baud(Edition::V2007, baud)?;
        let frame = request(address, 0x17, vec![feature]);
        let question = Question::new(frame, Want::Function, 1);
        Some(Self(Command::echoed(question, vec![feature], timing)))
    }
}

impl ChangePassword {
    /// Changes the password of `new_level` to `new_password` (as typed). `access` holds the old
    /// level and password; its operator code is not sent.
    pub fn new(
        address: Address,
        access: &Access,
        new_level: u8,
        new_password: [u8; 3],
        timing: Timing,
    ) -> Self {
        let new = Access { level: new_level, password: new_password, ..*access }.password_wire();
        // 04000C01 is level 0, 04000C0A level 9.
        let di = 0x0400_0C01_u32 + u32::from(new_level.min(9));
        let mut data = di.to_le_bytes().to_vec();
        data.extend(access.password_wire());
        data.extend(new);
        let frame = request(address, 0x18, data);
        let question = Question::new(frame, Want::Function, 4);
        Self(Command::echoed(question, new.to_vec(), timing))
    }
}

impl Relay {
    /// `valid_until`: the meter refuses if its clock is later.
    pub fn new(
        address: Address,
        access: &Access,
        command: RelayCommand,
        valid_until: CivilTime,
        timing: Timing,
    ) -> Self {
        Self::on_channel(address, access, (command, 0), valid_until, timing)
    }

    /// The same for a meter whose N2 says which relay.
    pub fn on_channel(
        address: Address,
        access: &Access,
        (command, channel): (RelayCommand, u8),
        valid_until: CivilTime,
        timing: Timing,
    ) -> Self {
        let mut data = access.wire();
        data.extend(command.wire_on(channel));
        data.extend(valid_until.wire());
        let question = Question::new(request(address, 0x1C, data), Want::Function, 2);
        Self(Command::answered(question, timing))
    }
}

impl BroadcastTime {
    /// The time must be right when the last bit leaves: take it at the moment of sending and add
    /// the wire time of 18 characters plus preamble.
    pub fn new(time: CivilTime, timing: Timing) -> Self {
        let frame = request(Address::BROADCAST, 0x08, time.wire().to_vec());
        Self(Command::unanswered(frame, timing))
    }
}
