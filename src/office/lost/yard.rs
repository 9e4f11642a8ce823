//! The meters that a lost handheld's documents are for: what is known of their counts, and what
//! follows for each document.

use super::holder::Holder;
use super::reach::{Chance, Steps};
use super::{At, Fence, Lives, LostMeter, LostSwap, LostToken, LostWhy, Rules, SwapRead, What};
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
    /// What is known of the legs of leaves.
    legs: BTreeMap<TokenId, Legs>,
}

/// What is known of the legs of a leave.
#[derive(Default)]
struct Legs {
    /// The credit: where it stands, and how much was fixed.
    credit: Option<(TokenState, i64)>,
    /// What was proved to be taken out.
    out: Option<i64>,
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
        let mut yard = Self::default();
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
        let sql = "SELECT meter, account, count_before, amount, act, device, state, swap FROM token
                   WHERE state <> 'voided' AND amount > 0
                   AND act IN ('recharge', 'carry-in', 'open', 'carry-out') AND meter {list}";
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
        let debit = row.try_get::<String, _>("act")? == Act::CarryOut.name();
        if let Some(swap) = row.try_get::<Option<String>, _>("swap")? {
            let swap = swap.parse().map_err(|_| OfficeError::Stored("swap"))?;
            let (legs, amount) = (self.legs.entry(swap).or_default(), row.try_get("amount")?);
            match debit {
                true if state == TokenState::Applied => legs.out = Some(amount),
                true => {}
                false => legs.credit = legs.credit.max(Some((state, amount))),
            }
        }
        if debit {
            return Ok(());
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

    /// What each document comes to by these rules, sorted by meter.
    pub fn chances(
        &self,
        lives: &Lives,
        tokens: &[LostToken],
        swaps: &[SwapRead],
        rules: Rules,
    ) -> BTreeMap<MeterNo, Vec<(At, Chance)>> {
        let mut all: BTreeMap<MeterNo, Vec<(At, Chance)>> = BTreeMap::new();
        for (at, one) in tokens.iter().enumerate() {
            let (step, amount) = (one.count_before, one.credit.value);
            let chance = Chance { step, amount, why: self.of_token(lives, one, rules) };
            all.entry(one.meter).or_default().push((At::Token(at), chance));
        }
        for (at, one) in swaps.iter().enumerate() {
            let (why, amount) = match rules {
                Rules::Kept { alone } => self.of_swap(lives, one, alone),
                Rules::None => self.of_leave(one),
            };
            let chance = Chance { step: one.count, amount, why };
            all.entry(one.shown.new).or_default().push((At::Swap(at), chance));
        }
        all
    }

    fn of_token(&self, lives: &Lives, one: &LostToken, rules: Rules) -> LostWhy {
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
        let allowed = match rules {
            Rules::Kept { .. } if one.over => LostWhy::KnownRevoked,
            Rules::Kept { .. } => lives.allow(&what),
            Rules::None => LostWhy::Live,
        };
        match allowed {
            // What was sent may be in the meter, whatever the handheld may do now.
            _ if one.sent && one.state.is_out() && !one.act.is_debit() => LostWhy::Unheard,
            LostWhy::Live if other => LostWhy::OtherAccount,
            LostWhy::Live if one.act.is_debit() => LostWhy::Debit,
            LostWhy::Live if one.credit.value == 0 => LostWhy::Nothing,
            LostWhy::Live if one.state == TokenState::Voided => LostWhy::Replaced,
            why => why,
        }
    }

    /// The areas of meters, as the list has them.
    fn areas(&self, meters: &[MeterNo]) -> Vec<&str> {
        let line = |meter| self.lines.get(meter).map(|line: &MeterLine| line.area.as_str());
        meters.iter().filter_map(line).collect()
    }

    /// A leave by its own program: what may be advanced, or carried over from a meter that may be
    /// of his own making; the new meter takes one of the two.
    fn of_swap(&self, lives: &Lives, one: &SwapRead, alone: bool) -> (LostWhy, i64) {
        let (shown, legs) = (&one.shown, self.legs.get(&one.shown.swap));
        let credit = legs.and_then(|legs| legs.credit);
        if let Some((TokenState::Applied, _)) = credit {
            return (LostWhy::StepTaken, 0);
        }
        if let Some((TokenState::Suspect | TokenState::Disputed, amount)) = credit {
            return (LostWhy::Unheard, amount);
        }
        if one.over {
            return (LostWhy::KnownRevoked, 0);
        }
        let fixed = credit.map(|(_, amount)| amount);
        let fixed = fixed.or(legs.and_then(|legs| legs.out));
        if fixed.unwrap_or(shown.most.max(shown.provisional)) == 0 {
            return (LostWhy::Nothing, 0);
        }
        let (old, both) = (self.areas(&[shown.old]), self.areas(&[shown.old, shown.new]));
        let reach = |life: &Holder| {
            let advanced = life.most((Act::CarryIn, shown.unit), shown.new, &both)?;
            if let Some(fixed) = fixed {
                // It was fixed, or taken out: that much, or nothing.
                return Some(if fixed <= advanced { fixed } else { 0 });
            }
            let carried = match alone {
                true => life.carried(shown.unit, [(shown.old, &old), (shown.new, &both)]),
                false => {
                    let out = life.most((Act::CarryOut, shown.unit), shown.old, &old);
                    out.map(|out| out.min(advanced))
                }
            };
            Some(shown.most.min(carried.unwrap_or(0)).max(shown.provisional.min(advanced)))
        };
        match lives.most((&[shown.swap], one.issued, shown.expires), reach) {
            Ok(0) => (LostWhy::OverLimit, 0),
            Ok(most) if one.begun => (LostWhy::Live, most),
            Ok(most) => (shown.why, most),
            Err(why) => (why, 0),
        }
    }

    /// A leave by any program: all it says, once.
    fn of_leave(&self, one: &SwapRead) -> (LostWhy, i64) {
        let credit = self.legs.get(&one.shown.swap).and_then(|legs| legs.credit);
        match (credit, one.shown.most.max(one.shown.provisional)) {
            (Some((TokenState::Applied, _)), _) => (LostWhy::StepTaken, 0),
            (_, 0) => (LostWhy::Nothing, 0),
            (Some((TokenState::Suspect | TokenState::Disputed, _)), most) => {
                (LostWhy::Unheard, most)
            }
            (_, most) => (LostWhy::Live, most),
        }
    }

    /// What its own program can take out of the old meter with a leave.
    pub fn taken_out(&self, lives: &Lives, one: &SwapRead) -> i64 {
        let shown = &one.shown;
        let legs = self.legs.get(&shown.swap);
        if one.over || legs.is_some_and(|legs| legs.out.is_some() || legs.credit.is_some()) {
            return 0;
        }
        let old = self.areas(&[shown.old]);
        let reach = |life: &Holder| life.most((Act::CarryOut, shown.unit), shown.old, &old);
        let most = lives.most((&[shown.swap], one.issued, shown.expires), reach);
        most.unwrap_or(0).min(shown.most)
    }
}

/// The meters to go to, the greatest danger first, and those that are safe again.
pub(super) fn meters(
    tokens: &[LostToken],
    swaps: &[LostSwap],
    lines: &BTreeMap<MeterNo, MeterLine>,
) -> Vec<LostMeter> {
    let mut all: BTreeMap<MeterNo, LostMeter> = BTreeMap::new();
    let mut add = |meter: MeterNo, (credit, utmost): (Credit, i64), until: UnixSeconds, fence| {
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
            utmost: 0,
            unit: credit.unit,
            until: UnixSeconds(0),
            fence: Fence::Done,
        });
        row.worst = row.worst.saturating_add(credit.value);
        row.utmost = row.utmost.saturating_add(utmost);
        row.until = row.until.max(until);
        row.fence = row.fence.worse(fence);
    };
    for one in tokens.iter().filter(|one| !one.act.is_debit()) {
        let fence = match (&one.replaced_by, one.why) {
            (Some(_), LostWhy::StepTaken) => Fence::Done,
            (_, LostWhy::Unheard) if one.replaced_by.is_some() => Fence::Taken,
            (Some((_, _, state)), _) if one.utmost > 0 && state.is_out() => Fence::Waiting,
            _ if one.utmost > 0 => Fence::Open,
            _ => continue,
        };
        add(one.meter, (one.credit.with(one.worst), one.utmost), one.expires, fence);
    }
    for one in swaps.iter().filter(|one| one.utmost > 0) {
        let credit = Credit { value: one.worst, unit: one.unit };
        add(one.new, (credit, one.utmost), one.expires, Fence::Open);
    }
    let mut all: Vec<LostMeter> = all.into_values().collect();
    let danger = |row: &LostMeter| std::cmp::Reverse((row.worst, row.utmost));
    all.sort_by_key(|row| (row.fence == Fence::Done, danger(row)));
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
