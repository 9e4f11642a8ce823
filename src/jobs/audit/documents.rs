//! Check 2: every token, grant and override, from the files and from the journals.
//!
//! A document is verified once, however often it stands somewhere; what a journal holds that is not
//! the same byte for byte is verified by itself.

use super::authority::Trust;
use super::files::{self, Raw};
use super::finding::{Findings, Reason};
use super::journal::Journal;
use super::parallel;
use crate::store::TokenFacts;
use crate::units::{CreditUnit, TokenId};
use meterkit_tokens::{BundleToken, DocType, Grant, Kind, Override, RechargeToken, TokenError};
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
}

/// Every document that holds.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// Recharge tokens.
    pub tokens: BTreeMap<TokenId, Token>,
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
        let token = Token { facts, kind: token.kind, device, filed, name };
        match self.tokens.get(&facts.id) {
            None => drop(self.tokens.insert(facts.id, token)),
            // The same claims signed twice are the same token: its identity is its id.
            Some(twin) if twin.facts == facts && twin.device == token.device => {}
            Some(twin) => found.add(Reason::TokenTwin, &token.name, &twin.name),
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
        }
    }

    /// Sum of what was issued in a unit, and how many tokens that is.
    pub fn issued(&self, unit: CreditUnit) -> (usize, i64) {
        let all = self.tokens.values().map(|token| token.facts.credit);
        let of = all.filter(|credit| credit.unit == unit);
        of.fold((0, 0), |(count, sum), credit| (count + 1, credit.value.saturating_add(sum)))
    }
}
