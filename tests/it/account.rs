//! Accounts: opening, refund, reversal, closing, through the real jobs against simulated meters.

mod acts;
mod faults;

use meterkit::protocol::dlt645::dialogue::{Access, PasswordOrder};
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::transport::{Faults, Line, LineSettings};
use meterkit::units::{AccountNo, MeterNo, TokenId};
use meterkit_tokens::Kind;

use crate::stories::site::{Order, Site};

pub const METER: &str = "000000000047";
pub const ACCOUNT: &str = "112233445566";

pub fn no() -> MeterNo {
    METER.parse().unwrap()
}

pub fn account() -> AccountNo {
    ACCOUNT.parse().unwrap()
}

/// A site with one meter on a clean line.
pub fn site_with(setup: MeterSetup) -> Site {
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
    Site::new(fleet, Line::new(LineSettings::even(9600), Faults::NONE))
}

/// The password every simulated meter has.
pub const ACCESS: Access =
    Access { level: 2, password: [0; 3], operator: [0, 0, 0, 7], order: PasswordOrder::LowFirst };

/// The same, the account open with 100.00 after six purchases, and no load to speak of.
pub fn site() -> Site {
    site_with(MeterSetup { load_w: 0, ..MeterSetup::opened(no(), account(), 10_000, 6) })
}

/// A token of this kind for the meter at `count`.
pub fn order(kind: Kind, count: u32, amount: i64) -> Order {
    Order { kind, ..Order::new(no(), account(), count, amount) }
}

/// A reversal of `undone`.
pub fn reversal(count: u32, amount: i64, undone: TokenId) -> Order {
    Order { undoes: Some(undone), ..order(Kind::Refund, count, amount) }
}
