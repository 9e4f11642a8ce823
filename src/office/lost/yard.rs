//! The meters that a lost handheld's documents are for: what is known of their counts, and what
//! follows for each document.

use super::reach::{Chance, Steps};
use super::{At, Fence, Lives, LostMeter, LostSwap, LostToken, LostWhy, SwapRead, What};
use crate::office::cell::Cell;
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::many::among;
use crate::office::model::TokenState;
use crate::sync::wire::MeterLine;
use crate::units::{
    AccountNo, Act, Credit, DeviceId, MeterNo, PurchaseCount, TokenId, UnixSeconds,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the meters.
#[derive(Default)]
pub(super) struct Yard {
    /// Their lines in the list.
    pub lines: BTreeMap<MeterNo, MeterLine>,
    /// Their counts.
    pub steps: BTreeMap<MeterNo, Steps>,
    /// What becomes of each leave.
    pub swapped: Vec<(LostWhy, i64)>,
    /// Leaves with a credit that was made, or may have been.
    legs: BTreeMap<TokenId, TokenState>,
}

impl Yard {
    /// Reads all of it.
    pub async fn read(
        conn: &mut Conn,
        tokens: &[LostToken],
        swaps: &[SwapRead],
        device: &DeviceId,
    ) -> Result<Self, OfficeError> {
        let named = tokens.iter().map(|one| one.meter);
        let named: BTreeSet<MeterNo> =
            named.chain(swaps.iter().flat_map(|one| [one.shown.old, one.shown.new])).collect();
        let list = || named.iter().map(|meter| Cell::from(meter.to_string())).collect::<Vec<_>>();
        let mut yard =
            Self { swapped: vec![(LostWhy::Nothing, 0); swaps.len()], ..Self::default() };
        for row in among(conn, "SELECT * FROM meter WHERE meter {list}", list()).await? {
            let line = ledger::meter_row(&row)?;
            yard.lines.insert(line.meter, line);
        }
        // The accounts that count: what the list has, and what is opened.
        let mut accounts: BTreeSet<(MeterNo, AccountNo)> =
            yard.lines.values().map(|line| (line.meter, line.account)).collect();
        accounts.extend(tokens.iter().map(|one| (one.meter, one.account)));
        accounts.extend(swaps.iter().map(|one| (one.shown.new, one.account)));
        let sql = "SELECT meter, account, count FROM meter_state WHERE meter {list}";
        for row in among(conn, sql, list()).await? {
            let (meter, account) =
                (ledger::parsed(&row, "meter")?, ledger::parsed(&row, "account")?);
            if accounts.contains(&(meter, account)) {
                let steps: &mut Steps = yard.steps.entry(meter).or_default();
                steps.count = steps.count.max(PurchaseCount(ledger::small(&row, "count")?));
            }
        }
        let sql = "SELECT meter, account, count_before, device, state, swap FROM token
                   WHERE state <> 'voided' AND amount > 0
                   AND act IN ('recharge', 'carry-in', 'open') AND meter {list}";
        for row in among(conn, sql, list()).await? {
            yard.note(&row, &accounts, device)?;
        }
        Ok(yard)
    }

    /// A credit that is in a meter, or may come there.
    fn note(
        &mut self,
        row: &crate::office::db::Row,
        accounts: &BTreeSet<(MeterNo, AccountNo)>,
        device: &DeviceId,
    ) -> Result<(), OfficeError> {
        let meter: MeterNo = ledger::parsed(row, "meter")?;
        let state: String = row.try_get("state")?;
        let state = TokenState::parse(&state).ok_or(OfficeError::Stored("state"))?;
        if let Some(swap) = row.try_get::<Option<String>, _>("swap")? {
            let swap = swap.parse().map_err(|_| OfficeError::Stored("swap"))?;
            let worst = self.legs.get(&swap).copied().unwrap_or(state).max(state);
            self.legs.insert(swap, worst);
        }
        if !accounts.contains(&(meter, ledger::parsed(row, "account")?)) {
            return Ok(());
        }
        let step = PurchaseCount(ledger::small(row, "count_before")?);
        let steps = self.steps.entry(meter).or_default();
        match state {
            TokenState::Applied => steps.taken.push(step),
            _ if ledger::parsed::<DeviceId>(row, "device")? != *device => steps.others.push(step),
            _ => {}
        }
        Ok(())
    }

    /// What each document comes to by the handheld's own rules, sorted by meter.
    pub fn chances(
        &mut self,
        lives: &Lives,
        tokens: &[LostToken],
        swaps: &[SwapRead],
    ) -> BTreeMap<MeterNo, Vec<(At, Chance)>> {
        let mut all: BTreeMap<MeterNo, Vec<(At, Chance)>> = BTreeMap::new();
        for (at, one) in tokens.iter().enumerate() {
            let (step, amount) = (one.count_before, one.credit.value);
            let chance = Chance { step, amount, why: self.of_token(lives, one) };
            all.entry(one.meter).or_default().push((At::Token(at), chance));
        }
        for (at, one) in swaps.iter().enumerate() {
            let (step, amount) = (one.count, one.provisional);
            let chance = Chance { step, amount, why: self.of_swap(lives, one) };
            all.entry(one.shown.new).or_default().push((At::Swap(at), chance));
        }
        all
    }

    fn of_token(&self, lives: &Lives, one: &LostToken) -> LostWhy {
        let line = self.lines.get(&one.meter);
        let area = line.map_or("", |line| line.area.as_str());
        let what = What {
            ids: &[one.token],
            act: one.act,
            meter: one.meter,
            areas: &[area],
            credit: one.credit,
            issued: one.issued.0,
            expires: one.expires,
        };
        let other = line.is_some_and(|line| line.account != one.account) && one.act != Act::Open;
        match lives.allow(&what) {
            // What was sent may be in the meter, whatever the handheld may do now.
            _ if one.sent && one.state.is_out() && !one.act.is_debit() => LostWhy::Unheard,
            LostWhy::Live if other => LostWhy::OtherAccount,
            LostWhy::Live if one.act.is_debit() => LostWhy::Debit,
            LostWhy::Live if one.credit.value == 0 => LostWhy::Nothing,
            LostWhy::Live if one.state == TokenState::Voided => LostWhy::Replaced,
            why => why,
        }
    }

    fn of_swap(&self, lives: &Lives, one: &SwapRead) -> LostWhy {
        let shown = &one.shown;
        let areas: Vec<&str> = [shown.old, shown.new]
            .iter()
            .filter_map(|meter| self.lines.get(meter).map(|line| line.area.as_str()))
            .collect();
        let what = What {
            ids: &[shown.swap],
            act: Act::CarryIn,
            meter: shown.new,
            areas: &areas,
            credit: Credit { value: one.provisional, unit: shown.unit },
            issued: one.issued,
            expires: shown.expires,
        };
        match (lives.allow(&what), self.legs.get(&shown.swap)) {
            _ if one.provisional == 0 => LostWhy::Nothing,
            (_, Some(TokenState::Applied)) => LostWhy::StepTaken,
            (_, Some(TokenState::Suspect | TokenState::Disputed)) => LostWhy::Unheard,
            (LostWhy::Live, _) if one.begun => LostWhy::Live,
            (LostWhy::Live, _) => shown.why,
            (why, _) => why,
        }
    }
}

/// The meters to go to, the greatest danger first, and those that are safe again.
pub(super) fn meters(
    tokens: &[LostToken],
    swaps: &[LostSwap],
    lines: &BTreeMap<MeterNo, MeterLine>,
) -> Vec<LostMeter> {
    let mut all: BTreeMap<MeterNo, LostMeter> = BTreeMap::new();
    let mut add = |meter: MeterNo, credit: Credit, until: UnixSeconds, fence: Fence| {
        let line = lines.get(&meter);
        let of =
            |text: fn(&MeterLine) -> &String| line.map(|l| text(l).clone()).unwrap_or_default();
        let row = all.entry(meter).or_insert_with(|| LostMeter {
            meter,
            customer: of(|line| &line.customer),
            location: of(|line| &line.location),
            area: of(|line| &line.area),
            place: line.map(|line| line.place.clone()).unwrap_or_default(),
            worst: 0,
            unit: credit.unit,
            until: UnixSeconds(0),
            fence: Fence::Done,
        });
        row.worst = row.worst.saturating_add(credit.value);
        row.until = row.until.max(until);
        row.fence = row.fence.worse(fence);
    };
    for one in tokens.iter().filter(|one| !one.act.is_debit()) {
        let fence = match (&one.replaced_by, one.why) {
            (Some(_), LostWhy::StepTaken) => Fence::Done,
            (_, LostWhy::Unheard) if one.replaced_by.is_some() => Fence::Taken,
            (Some((_, _, state)), _) if one.worst > 0 && state.is_out() => Fence::Waiting,
            _ if one.worst > 0 => Fence::Open,
            _ => continue,
        };
        add(one.meter, one.credit.with(one.worst), one.expires, fence);
    }
    for one in swaps.iter().filter(|one| one.worst > 0) {
        let credit = Credit { value: one.worst, unit: one.unit };
        add(one.new, credit, one.expires, Fence::Open);
    }
    let mut all: Vec<LostMeter> = all.into_values().collect();
    all.sort_by_key(|row| (row.fence == Fence::Done, std::cmp::Reverse(row.worst)));
    all
}

impl Fence {
    /// The worse of two.
    fn worse(self, other: Self) -> Self {
        let rank = |fence| match fence {
            Self::Done => 0,
            Self::Waiting => 1,
            Self::Open => 2,
            Self::Taken => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}
