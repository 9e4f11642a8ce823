//! The office's own words: token states, conflict classes, movements of money.

use crate::units::{
    AccountNo, Act, Credit, CreditUnit, DeviceId, MeterNo, PurchaseCount, SwapLeg, TokenId,
    UnixSeconds,
};

/// Where a token stands (`reference/field-work.md` 3b, R8). Time alone changes none of them:
/// expired is not void. There is no draft: a token is paid for, signed and stored in one
/// transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenState {
    /// Paid for and signed, waiting for its handheld.
    Reserved,
    /// In the handheld's cache.
    Delivered,
    /// Sent to the meter, outcome not known.
    Suspect,
    /// Contradictory evidence; a person settles it.
    Disputed,
    /// In the meter.
    Applied,
    /// Its money is back with the customer.
    Voided,
}

impl TokenState {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Reserved,
        Self::Delivered,
        Self::Suspect,
        Self::Disputed,
        Self::Applied,
        Self::Voided,
    ];

    /// The stable name, as stored and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Delivered => "delivered",
            Self::Suspect => "suspect",
            Self::Disputed => "disputed",
            Self::Applied => "applied",
            Self::Voided => "voided",
        }
    }

    /// From its stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether its money is in transit.
    pub fn is_out(self) -> bool {
        matches!(self, Self::Reserved | Self::Delivered | Self::Suspect | Self::Disputed)
    }
}

/// Conflict classes (`reference/field-work.md` 3b). Duplicates (C0) never reach a person: their
/// outcome says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The same name with different content.
    C1,
    /// Something that must come before has not come in time.
    C2,
    /// Applied after its time, or after it was taken back.
    C3,
    /// The meter's count is ahead of the office's.
    C4,
    /// The meter's count is behind the office's.
    C5,
    /// Two handhelds wrote one parameter of a meter differently.
    C6,
    /// Two swaps claim one meter.
    C7,
    /// The account is not the one on record.
    C8,
    /// The handheld's clock was outside its bounds.
    C9,
    /// Amount and evidence do not fit.
    C10,
}

impl Class {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::C1 => "C1",
            Self::C2 => "C2",
            Self::C3 => "C3",
            Self::C4 => "C4",
            Self::C5 => "C5",
            Self::C6 => "C6",
            Self::C7 => "C7",
            Self::C8 => "C8",
            Self::C9 => "C9",
            Self::C10 => "C10",
        }
    }
}

/// Where money can be. Every amount sits in exactly one place, per meter account and unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Paid in by the customer; negative, as it is owed to him until it is in the meter.
    Customer,
    /// In a token that is out.
    InTransit,
    /// In the meter.
    MeterHeld,
    /// The office's own: what a meter that was swapped out still held, and what was credited for a
    /// dead one before anybody knows what it held.
    Variance,
    /// Sold: what customers paid for that is in the meters, as far as shifts were closed; negative,
    /// as all income is.
    Revenue,
}

impl Place {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::InTransit => "in-transit",
            Self::MeterHeld => "meter-held",
            Self::Variance => "variance",
            Self::Revenue => "revenue",
        }
    }
}

/// One movement: the same amount leaves one place and arrives at another, so it sums to zero.
///
/// Its name and the token's id are the posting's primary key: no movement happens twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// A token is issued.
    Issue,
    /// The meter has it.
    Apply,
    /// It never reached the meter.
    Return,
    /// Booked as in the meter before, and found not to be.
    Reverse,
    /// Returned before, and found to be in the meter.
    Late,
}

impl Move {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Apply => "apply",
            Self::Return => "return",
            Self::Reverse => "reverse",
            Self::Late => "late",
        }
    }

    /// From where to where. A debit is money of the meter until the meter shows that it gave it,
    /// and the customer's from then on; nothing is in transit with it.
    pub fn places(self, act: Act) -> Option<(Place, Place)> {
        let (from, to) = match self {
            Self::Issue => (Place::Customer, Place::InTransit),
            Self::Apply => (Place::InTransit, Place::MeterHeld),
            Self::Return => (Place::InTransit, Place::Customer),
            Self::Reverse => (Place::MeterHeld, Place::Customer),
            Self::Late => (Place::Customer, Place::MeterHeld),
        };
        match (act.is_debit(), self) {
            (false, _) => Some((from, to)),
            (true, Self::Issue | Self::Return) => None,
            (true, Self::Apply | Self::Late) => Some((Place::MeterHeld, Place::Customer)),
            (true, Self::Reverse) => Some((Place::Customer, Place::MeterHeld)),
        }
    }
}

/// A token as the office keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its identity.
    pub id: TokenId,
    /// The meter it pins.
    pub meter: MeterNo,
    /// The account it pins.
    pub account: AccountNo,
    /// The step it pins.
    pub count_before: PurchaseCount,
    /// What it credits.
    pub credit: Credit,
    /// The handheld it is issued to.
    pub device: DeviceId,
    /// Order number, for meters that take one.
    pub order: [u8; 8],
    /// End of its life.
    pub expires: UnixSeconds,
    /// Whether an intent for it stands in its handheld's journal.
    pub intent_seen: bool,
    /// Whether its handheld is told not to use it any more.
    pub revoked: bool,
    /// Where it stands.
    pub state: TokenState,
    /// What it does to the meter.
    pub act: Act,
    /// The recharge it undoes, for a reversal.
    pub undoes: Option<TokenId>,
    /// Which leg of which swap it is: fixed by a handheld's journal, and never signed by itself.
    pub leg: Option<Leg>,
}

/// A leg of a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// The swap.
    pub swap: TokenId,
    /// Which leg.
    pub leg: SwapLeg,
}

impl TokenRow {
    /// Whether it takes a step of the purchase count.
    pub fn takes_step(&self) -> bool {
        !self.act.is_debit() && self.credit.value > 0
    }
}

/// The stable name of a unit, as stored and typed.
pub fn unit_name(unit: CreditUnit) -> &'static str {
    match unit {
        CreditUnit::Yuan => "yuan",
        CreditUnit::Kwh => "kwh",
    }
}

/// From its stable name.
pub fn parse_unit(name: &str) -> Option<CreditUnit> {
    match name {
        "yuan" => Some(CreditUnit::Yuan),
        "kwh" => Some(CreditUnit::Kwh),
        _ => None,
    }
}
