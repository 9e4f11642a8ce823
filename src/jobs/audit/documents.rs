//! Check 2: every token, leave for a swap, grant and override, from files and from journals.
//!
//! A document is verified once, however often it stands somewhere; what a journal holds that is not
//! the same byte for byte is verified by itself. A leg of a swap is no document: the journal fixes
//! it within its leave, and from there on it is looked at as a token.

use super::authority::Trust;
use super::files::{self, Raw};
use super::finding::{Findings, Reason};
use super::journal::Journal;
use super::parallel;
use crate::store::{Event, SwapFacts, SwapFixed, TokenFacts};
use crate::units::{CreditUnit, SwapLeg, TokenId};
use meterkit_tokens::{
    BundleToken, DocType, Grant, Kind, Override, RechargeToken, SwapToken, TokenError,
};
use std::collections::{BTreeMap, HashMap};

/// A recharge token that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it says, in the program's own words.
    pub facts: TokenFacts,
    /// What kind of credit.
    pub kind: Kind,
    /// The handheld that may use it.
    pub device: String,
    /// Whether it is among the tokens of the set, and not only in a journal.
    pub filed: bool,
    /// Where it was found first.
    pub name: String,
    /// The swap it is a leg of, and which; then no document of its own stands behind it.
    pub leg: Option<(TokenId, SwapLeg)>,
}

impl Token {
    /// Whether it takes a step of the purchase count: what credits.
    pub fn takes_step(&self) -> bool {
        !self.facts.act.is_debit() && self.facts.credit.value > 0
    }

    /// Whether the office issued it as a credit: no debit, and nothing that a meter held before.
    pub fn is_issued_credit(&self) -> bool {
        !self.facts.act.is_debit() && self.leg.is_none()
    }
}

/// A leave for a swap that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// What it says.
    pub facts: SwapFacts,
    /// The handheld that may use it.
    pub device: String,
    /// Whether it is among the documents of the set, and not only in a journal.
    pub filed: bool,
    /// Where it was found first.
    pub name: String,
}

/// Every document that holds.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// Recharge tokens, and legs of swaps.
    pub tokens: BTreeMap<TokenId, Token>,
    /// Leaves for swaps.
    pub swaps: BTreeMap<TokenId, Leave>,
    /// Operators' grants.
    pub grants: HashMap<TokenId, Grant>,
    /// Overrides.
    pub overrides: HashMap<TokenId, Override>,
    /// How many documents were verified.
    pub verified: usize,
}

/// What a document turned out to be.
enum Opened {
    Token(Box<RechargeToken>),
    Grant(Box<Grant>),
    Override(Box<Override>),
    Swap(Box<SwapToken>),
    /// Parameters: no money hangs on them, so that they hold is all there is to say.
    Bundle,
    /// No document of these types.
    Other,
}

/// Verifies all documents of the files and the journals.
pub fn read(
    trust: &Trust,
    files: &[Raw],
    journals: &[Journal],
    threads: usize,
    found: &mut Findings,
) -> Documents {
    let filed: Vec<_> = files.iter().flat_map(files::documents).collect();
    let mut known: HashMap<&[u8], ()> = filed.iter().map(|doc| (doc.bytes, ())).collect();
    let mut all: Vec<(String, &[u8])> =
        filed.iter().map(|doc| (doc.name.clone(), doc.bytes)).collect();
    let own = all.len();
    for journal in journals {
        for (seq, bytes) in &journal.documents {
            if known.insert(bytes, ()).is_none() {
                all.push((journal.place(*seq), bytes));
            }
        }
    }
    let opened = parallel(&all, threads, |(_, bytes)| open(trust, bytes));
    let mut documents = Documents { verified: all.len(), ..Documents::default() };
    for (at, ((name, _), opened)) in all.into_iter().zip(opened).enumerate() {
        match opened {
            Ok(opened) => documents.keep(name, opened, at < own, found),
            Err(error) => found.add(Reason::TokenBad, name, super::why(&error)),
        }
    }
    documents.compare(journals, found);
    documents.legs(journals, found);
    documents
}

fn open(trust: &Trust, bytes: &[u8]) -> Result<Opened, TokenError> {
    // Nearly all are recharge tokens, and asking for the type first would read each twice.
    let wrong = match trust.token(bytes) {
        Ok(token) => return Ok(Opened::Token(Box::new(token))),
        Err(error @ TokenError::Typ { .. }) => error,
        Err(error) => return Err(error),
    };
    let (tenant, ring) = (trust.tenant.as_str(), trust.ring());
    match meterkit_tokens::document_type(bytes) {
        Ok(DocType::Grant) => Ok(Opened::Grant(Box::new(Grant::verify(bytes, tenant, ring)?))),
        Ok(DocType::Override) => {
            Ok(Opened::Override(Box::new(Override::verify(bytes, tenant, ring)?)))
        }
        Ok(DocType::Swap) => Ok(Opened::Swap(Box::new(SwapToken::verify(bytes, tenant, ring)?))),
        Ok(DocType::Bundle) => BundleToken::verify(bytes, tenant, ring).map(|_| Opened::Bundle),
        Ok(_) => Ok(Opened::Other),
        Err(_) => Err(wrong),
    }
}

impl Documents {
    fn keep(&mut self, name: String, opened: Opened, filed: bool, found: &mut Findings) {
        match opened {
            Opened::Token(token) => self.keep_token(name, &token, filed, found),
            Opened::Grant(grant) => {
                let id = TokenId(grant.id);
                let twin = self.grants.insert(id, *grant);
                if twin.is_some_and(|twin| Some(&twin) != self.grants.get(&id)) {
                    found.add(Reason::TokenTwin, name, id);
                }
            }
            Opened::Override(over) => {
                let id = TokenId(over.id);
                let twin = self.overrides.insert(id, *over);
                if twin.is_some_and(|twin| Some(&twin) != self.overrides.get(&id)) {
                    found.add(Reason::TokenTwin, name, id);
                }
            }
            Opened::Swap(swap) => self.keep_swap(name, &swap, filed, found),
            Opened::Bundle => {}
            Opened::Other => found.add(Reason::TokenOther, name, ""),
        }
    }

    fn keep_token(
        &mut self,
        name: String,
        token: &RechargeToken,
        filed: bool,
        found: &mut Findings,
    ) {
        let Some(facts) = TokenFacts::of(token) else {
            return found.add(Reason::TokenBad, name, "numbers");
        };
        let device = token.device.clone();
        let token = Token { facts, kind: token.kind, device, filed, name, leg: None };
        match self.tokens.get(&facts.id) {
            None => drop(self.tokens.insert(facts.id, token)),
            // The same claims signed twice are the same token: its identity is its id.
            Some(twin) if twin.facts == facts && twin.device == token.device => {}
            Some(twin) => found.add(Reason::TokenTwin, &token.name, &twin.name),
        }
    }

    fn keep_swap(&mut self, name: String, swap: &SwapToken, filed: bool, found: &mut Findings) {
        let Some(facts) = SwapFacts::of(swap) else {
            return found.add(Reason::TokenBad, name, "numbers");
        };
        let leave = Leave { facts, device: swap.device.clone(), filed, name };
        match self.swaps.get(&facts.id) {
            None => drop(self.swaps.insert(facts.id, leave)),
            Some(twin) if twin.facts == facts && twin.device == leave.device => {}
            Some(twin) => found.add(Reason::TokenTwin, &leave.name, &twin.name),
        }
    }

    /// The legs the journals fixed, each within the leave it names.
    fn legs(&mut self, journals: &[Journal], found: &mut Findings) {
        for journal in journals {
            for entry in &journal.entries {
                let Event::SwapFixed(fixed) = &entry.event else { continue };
                let place = journal.place(entry.seq);
                let Some(leave) = self.swaps.get(&fixed.swap) else {
                    found.add(Reason::SwapToken, place, fixed.swap);
                    continue;
                };
                let facts = leave.facts.leg(fixed);
                if let Some(why) = beyond(leave, journal, fixed) {
                    found.add(Reason::SwapLeave, &place, why);
                }
                let (kind, device) = (kind_of(fixed.leg), leave.device.clone());
                let leg = Some((fixed.swap, fixed.leg));
                let token = Token { facts, kind, device, filed: false, name: place, leg };
                self.tokens.entry(facts.id).or_insert(token);
            }
        }
    }

    /// What the journals say of the tokens they took in is what the tokens say.
    fn compare(&self, journals: &[Journal], found: &mut Findings) {
        for journal in journals {
            for (seq, facts) in journal.imports() {
                let Some(token) = self.tokens.get(&facts.id) else { continue };
                if token.facts != *facts {
                    found.add(Reason::TokenFacts, journal.place(seq), facts.id);
                }
                if token.device != journal.device.as_str() {
                    found.add(Reason::TokenDevice, journal.place(seq), &token.device);
                }
            }
            for entry in &journal.entries {
                let Event::SwapTaken { swap, .. } = &entry.event else { continue };
                let Some(leave) = self.swaps.get(&swap.id) else { continue };
                if leave.facts != *swap {
                    found.add(Reason::TokenFacts, journal.place(entry.seq), swap.id);
                }
                if leave.device != journal.device.as_str() {
                    found.add(Reason::TokenDevice, journal.place(entry.seq), &leave.device);
                }
            }
        }
    }

    /// Sum of the credits that were issued in a unit, and how many tokens that is.
    pub fn issued(&self, unit: CreditUnit) -> (usize, i64) {
        let all = self.tokens.values().filter(|token| token.is_issued_credit());
        let of = all.map(|token| token.facts.credit).filter(|credit| credit.unit == unit);
        of.fold((0, 0), |(count, sum), credit| (count + 1, credit.value.saturating_add(sum)))
    }
}

fn kind_of(leg: SwapLeg) -> Kind {
    match leg {
        SwapLeg::Out => Kind::Refund,
        SwapLeg::Open => Kind::Open,
        SwapLeg::In | SwapLeg::Provisional => Kind::CarryOver,
    }
}

/// What of a leg its leave does not allow.
fn beyond(leave: &Leave, journal: &Journal, fixed: &SwapFixed) -> Option<&'static str> {
    let facts = &leave.facts;
    let most = match fixed.leg {
        SwapLeg::Out | SwapLeg::In => facts.most,
        SwapLeg::Open => 0,
        SwapLeg::Provisional => facts.provisional,
    };
    let least = i64::from(fixed.leg != SwapLeg::Open);
    let meter = if fixed.leg == SwapLeg::Out { facts.old } else { facts.meter };
    if leave.device != journal.device.as_str() {
        Some("another handheld")
    } else if fixed.meter != meter {
        Some("another meter")
    } else if !(least..=most).contains(&fixed.amount) {
        Some("amount")
    } else if fixed.leg != SwapLeg::Out && fixed.count != facts.count {
        Some("count")
    } else {
        None
    }
}
