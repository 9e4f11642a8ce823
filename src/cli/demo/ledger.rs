//! What the scripted day came to: the journal, the meters' own truth and the office's ledger, side
//! by side.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Value, json};

use super::errands::Done;
use super::site::Site;
use crate::cli::json;
use crate::jobs::recharge::CREDITS;
use crate::jobs::views::Failure;
use crate::office::LedgerReport;
use crate::store::{Store, TokenState};
use crate::text::Lang;
use crate::units::{Credit, MeterNo, TokenId};

/// The figures of a day.
pub struct Tally {
    recharges: usize,
    accepted: usize,
    refused: usize,
    unknown: usize,
    double_credits: usize,
    lost_credits: usize,
    torn_writes: usize,
    meters_conserve: bool,
    done: Done,
    report: LedgerReport,
}

impl Tally {
    /// Compares what the handheld believes with what the meters really booked. `tried` are the
    /// tokens whose recharge was begun, `done` what the longer errands came to.
    ///
    /// # Errors
    /// The office's database failed.
    pub fn take(
        site: &Site,
        store: &Store,
        tried: &BTreeSet<TokenId>,
        done: Done,
    ) -> Result<Self, Failure> {
        // What takes out, or opens without a credit, is in no meter's list of what was booked.
        let mut rows = store.tokens(None, usize::MAX);
        rows.retain(|row| CREDITS.contains(&row.facts.act));
        // The credit of the swap is none of the recharges.
        let own = || rows.iter().filter(|row| tried.contains(&row.facts.id));
        let state = |wanted: &[TokenState]| own().filter(|row| wanted.contains(&row.state)).count();
        // Steps booked, from the meters themselves: (meter, count after) -> how often, how much.
        let mut booked: BTreeMap<(MeterNo, u32), Vec<i64>> = BTreeMap::new();
        let (meters_conserve, torn_writes) = site.with_fleet(|fleet| {
            for meter in fleet.meters() {
                for booking in meter.bookings() {
                    let step = (meter.number(), booking.count);
                    booked.entry(step).or_default().push(booking.amount);
                }
            }
            let torn = fleet.meters().iter().map(|meter| meter.torn_writes().len()).sum();
            (fleet.audit().is_ok(), torn)
        });
        let in_meter = |row: &crate::store::TokenRow| {
            let step = (row.facts.meter, row.facts.count_before.0 + 1);
            booked.get(&step).is_some_and(|amounts| amounts.contains(&row.facts.credit.value))
        };
        let silent = rows.iter().filter(|row| match row.state {
            TokenState::Accepted => !in_meter(row),
            TokenState::Intent | TokenState::Disputed => false,
            _ => in_meter(row),
        });
        let accepted = state(&[TokenState::Accepted]);
        let unknown = state(&[TokenState::Intent, TokenState::Disputed]);
        Ok(Self {
            recharges: tried.len(),
            accepted,
            // Tried and not in the meter: refused before or after sending. The tokens stay good.
            refused: tried.len() - accepted - unknown,
            unknown,
            double_credits: booked.values().filter(|amounts| amounts.len() > 1).count(),
            lost_credits: silent.count(),
            torn_writes,
            meters_conserve,
            done,
            report: site.report()?,
        })
    }

    /// No credit doubled or lost, every sum zero.
    pub fn sound(&self) -> bool {
        let sums = self.report.sound() && self.meters_conserve;
        self.double_credits == 0 && self.lost_credits == 0 && sums
    }

    /// The one object of `--json`.
    pub fn json(&self) -> Value {
        let balances: Vec<Value> = self
            .report
            .balances
            .iter()
            .map(|balance| {
                let credit = Credit { value: balance.amount, unit: balance.unit };
                json!({ "place": balance.place, "credit": json::credit(credit) })
            })
            .collect();
        let tokens: serde_json::Map<String, Value> =
            self.report.tokens.iter().map(|(name, n)| ((*name).to_owned(), (*n).into())).collect();
        json!({
            "recharges": self.recharges,
            "accepted": self.accepted,
            "refused": self.refused,
            "unknown": self.unknown,
            "double_credits": self.double_credits,
            "lost_credits": self.lost_credits,
            "sum_zero": self.report.sum_zero && self.report.ops_zero,
            "ledger_matches_tokens": self.report.tokens_match,
            "meters_conserve": self.meters_conserve,
            "torn_writes": self.torn_writes,
            "swapped": self.done.swapped,
            "bundled_meters": self.done.bundled,
            "reviews": self.report.reviews,
            "balances": balances,
            "office_tokens": tokens,
        })
    }

    /// The same for people.
    pub fn print(&self, to: &mut dyn Write, lang: Lang) -> io::Result<()> {
        writeln!(to, "{}", lang.day_recharges(self.recharges, self.accepted))?;
        writeln!(to, "{}", lang.day_rest(self.refused, self.unknown, self.torn_writes))?;
        writeln!(to, "{}", lang.day_faults(self.double_credits, self.lost_credits))?;
        let swap = if self.done.swapped { lang.day_swapped() } else { lang.day_not_swapped() };
        writeln!(to, "{swap} {}", lang.day_bundled(self.done.bundled))?;
        for balance in &self.report.balances {
            let credit = Credit { value: balance.amount, unit: balance.unit };
            writeln!(to, "  {:12} {:>16}", balance.place, lang.credit(credit))?;
        }
        let reviews = self.report.reviews;
        writeln!(to, "{}", lang.day_reviews(reviews))?;
        let said = if self.sound() { lang.day_sound() } else { lang.day_unsound() };
        writeln!(to, "{said}")
    }
}
