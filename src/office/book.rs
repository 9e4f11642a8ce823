//! What one pack touches, read at once and written at once.
//!
//! The rules take one entry at a time (`entry`); the database is spoken to once a pack: what its
//! entries will ask for is read ahead, changes are made here, and everything is written before the
//! transaction ends. What was not read ahead is read when it is asked for, so reading ahead is
//! speed and never meaning. Whoever changes these tables by statements of his own in between calls
//! [`Book::settle`] first.

use super::cell::Cell;
use super::db::{Row, query};
use super::error::OfficeError;
use super::grounds::{self, GroundReading};
use super::ledger::{self, Conn, DeviceRow};
use super::many::{Batch, among};
use super::model::{Move, TokenRow, TokenState};
use super::posting::BOOK;
use super::reconcile::Known;
use super::review::{NewReview, RAISE};
use crate::sync::wire::MeterLine;
use crate::units::{AccountNo, Evidence, MeterNo, PurchaseCount, TokenId, UnixSeconds};
use std::collections::{BTreeMap, BTreeSet};

/// A token, and what of it is to be written.
struct Kept {
    row: TokenRow,
    intent_seq: Option<u64>,
    told: bool,
    changed: bool,
}

/// The last proved reading of a meter account.
#[derive(Clone, Copy)]
struct State {
    count: PurchaseCount,
    balance: i64,
    seen: UnixSeconds,
    changed: bool,
}

/// One pack's working copy.
pub(super) struct Book {
    /// The handheld; its head and receipts are written by `apply`.
    pub device: DeviceRow,
    tokens: BTreeMap<TokenId, Option<Kept>>,
    meters: BTreeMap<MeterNo, Option<MeterLine>>,
    states: BTreeMap<(MeterNo, AccountNo), Option<State>>,
    next: BTreeMap<(MeterNo, AccountNo), PurchaseCount>,
    openings: BTreeMap<MeterNo, Option<AccountNo>>,
    told: BTreeSet<TokenId>,
    swapped: BTreeSet<MeterNo>,
    postings: Vec<Vec<Cell>>,
    reviews: Vec<Vec<Cell>>,
    events: Vec<Vec<Cell>>,
}

fn text(value: impl ToString) -> Cell {
    value.to_string().into()
}

fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<Cell> {
    values.into_iter().map(text).collect()
}

impl Book {
    /// An empty one.
    pub fn new(device: DeviceRow) -> Self {
        Self {
            device,
            tokens: BTreeMap::new(),
            meters: BTreeMap::new(),
            states: BTreeMap::new(),
            next: BTreeMap::new(),
            openings: BTreeMap::new(),
            told: BTreeSet::new(),
            swapped: BTreeSet::new(),
            postings: Vec::new(),
            reviews: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Reads what tokens and meters with these names need, and holds the meters' rows until the
    /// transaction ends: in the order of their numbers, and before anything of their money is read.
    pub async fn read_ahead(
        &mut self,
        conn: &mut Conn,
        ids: &BTreeSet<TokenId>,
        meters: &BTreeSet<MeterNo>,
    ) -> Result<(), OfficeError> {
        self.hold(conn, meters).await?;
        self.read_tokens(conn, list(ids)).await?;
        // A token of another meter than its entry says: that meter is held as well, and what was
        // read of the token before is read again. A token never changes its meter.
        let strangers: Vec<(TokenId, MeterNo)> = ids
            .iter()
            .filter_map(|id| self.tokens.get(id)?.as_ref())
            .map(|kept| (kept.row.id, kept.row.meter))
            .filter(|(_, meter)| !self.meters.contains_key(meter))
            .collect();
        let mut meters = meters.clone();
        if !strangers.is_empty() {
            let more = strangers.iter().map(|(_, meter)| *meter).collect();
            self.hold(conn, &more).await?;
            self.tokens.retain(|id, _| strangers.iter().all(|(stranger, _)| stranger != id));
            self.read_tokens(conn, list(strangers.iter().map(|(id, _)| id))).await?;
            meters.extend(more);
        }
        self.tokens.extend(
            ids.iter()
                .filter(|id| !self.tokens.contains_key(id))
                .map(|id| (*id, None))
                .collect::<Vec<_>>(),
        );
        self.read_meters(conn, list(&meters)).await?;
        for (meter, line) in &self.meters {
            self.openings.entry(*meter).or_default();
            if let Some(line) = line {
                self.states.entry((*meter, line.account)).or_default();
                self.next.entry((*meter, line.account)).or_insert(PurchaseCount(0));
            }
        }
        Ok(())
    }

    /// Holds meters until the transaction ends, in the order of their numbers, and reads them.
    async fn hold(
        &mut self,
        conn: &mut Conn,
        meters: &BTreeSet<MeterNo>,
    ) -> Result<(), OfficeError> {
        let sql = match conn.locks() {
            true => "SELECT * FROM meter WHERE meter {list} ORDER BY meter FOR UPDATE",
            false => "SELECT * FROM meter WHERE meter {list} ORDER BY meter",
        };
        self.meters.extend(meters.iter().map(|meter| (*meter, None)));
        for row in among(conn, sql, list(meters)).await? {
            let line = ledger::meter_row(&row)?;
            self.meters.insert(line.meter, Some(line));
        }
        Ok(())
    }

    async fn read_tokens(&mut self, conn: &mut Conn, ids: Vec<Cell>) -> Result<(), OfficeError> {
        // All but the document, which is the most of it.
        let sql =
            "SELECT id, meter, account, count_before, amount, unit, device, order_no, expires,
                   intent_seq, revoked, state, act, undoes, swap, leg
                   FROM token WHERE id {list}";
        for row in among(conn, sql, ids).await? {
            self.keep_token(ledger::token_row(&row)?);
        }
        Ok(())
    }

    fn keep_token(&mut self, row: TokenRow) {
        let kept = Kept { row, intent_seq: None, told: false, changed: false };
        let place = self.tokens.entry(kept.row.id).or_default();
        place.get_or_insert(kept);
    }

    /// What else is known of meters, in one statement:
    /// - the last readings, and the step after every credit that is not voided where that is beyond
    ///   the last proved count. Reading no steps that are behind it keeps the cost of a meter from
    ///   growing with its years;
    /// - the account that a token opens in a meter, while that may still happen; the newest counts;
    /// - whether a meter has to do with a swap.
    async fn read_meters(&mut self, conn: &mut Conn, meters: Vec<Cell>) -> Result<(), OfficeError> {
        let sql = "SELECT 'seen' AS what, s.meter, s.account, s.count, s.balance, s.seen,
                   (SELECT MAX(t.count_before) + 1 FROM token t
                    WHERE t.meter = s.meter AND t.account = s.account AND t.count_before >= s.count
                    AND t.state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
                    AND t.act IN ('recharge', 'carry-in', 'open') AND t.amount > 0) AS next
                   FROM meter_state s WHERE s.meter {list}
                   UNION ALL SELECT 'opens', meter, account, seq, 0, 0, NULL FROM token
                   WHERE meter {list} AND act = 'open' AND swap IS NULL
                   AND state IN ('reserved', 'delivered', 'suspect', 'disputed')
                   UNION ALL SELECT 'swap', meter, account, 0, 0, 0, NULL FROM swap
                   WHERE meter {list}
                   UNION ALL SELECT 'swap', old_meter, old_account, 0, 0, 0, NULL FROM swap
                   WHERE old_meter {list}";
        let mut openings: BTreeMap<MeterNo, (i64, AccountNo)> = BTreeMap::new();
        for row in among(conn, sql, meters).await? {
            let meter: MeterNo = ledger::parsed(&row, "meter")?;
            match row.try_get::<String, _>("what")?.as_str() {
                "seen" => self.keep_state(meter, &row)?,
                "opens" => {
                    let opens = (row.try_get("count")?, ledger::parsed(&row, "account")?);
                    let newest = openings.entry(meter).or_insert(opens);
                    *newest = opens.max(*newest);
                }
                _ => drop(self.swapped.insert(meter)),
            }
        }
        self.openings.extend(openings.into_iter().map(|(meter, (_, opens))| (meter, Some(opens))));
        Ok(())
    }

    fn keep_state(&mut self, meter: MeterNo, row: &Row) -> Result<(), OfficeError> {
        let place = (meter, ledger::parsed(row, "account")?);
        let state = State {
            count: PurchaseCount(ledger::small(row, "count")?),
            balance: row.try_get("balance")?,
            seen: UnixSeconds(row.try_get("seen")?),
            changed: false,
        };
        self.states.insert(place, Some(state));
        if row.try_get::<Option<i64>, _>("next")?.is_some() {
            self.next.insert(place, PurchaseCount(ledger::small(row, "next")?));
        }
        Ok(())
    }

    /// A token, as this pack has left it.
    pub async fn token(
        &mut self,
        conn: &mut Conn,
        id: TokenId,
    ) -> Result<Option<TokenRow>, OfficeError> {
        if !self.tokens.contains_key(&id) {
            self.write(conn).await?;
            self.read_ahead(conn, &BTreeSet::from([id]), &BTreeSet::new()).await?;
        }
        Ok(self.tokens.get(&id).and_then(Option::as_ref).map(|kept| kept.row.clone()))
    }

    /// Another credit proved to have taken the step of a token that was read. While the token
    /// itself is out or in the meter there is none: one credit holds a step, by the unique index
    /// `token_step`, and nothing need be asked.
    pub async fn other_applied(
        &mut self,
        conn: &mut Conn,
        token: &TokenRow,
    ) -> Result<Option<TokenId>, OfficeError> {
        if token.state != TokenState::Voided {
            return Ok(None);
        }
        self.write(conn).await?;
        let sql = "SELECT id FROM token WHERE meter = $1 AND account = $2 AND count_before = $3
                   AND state = 'applied' AND id <> $4
                   AND act IN ('recharge', 'carry-in', 'open') AND amount > 0";
        let row = query(sql)
            .bind(token.meter.to_string())
            .bind(token.account.to_string())
            .bind(i64::from(token.count_before.0))
            .bind(token.id.to_string())
            .fetch_optional(conn)
            .await?;
        row.as_ref().map(|row| ledger::parsed(row, "id")).transpose()
    }

    /// A meter on the list.
    pub async fn meter(
        &mut self,
        conn: &mut Conn,
        no: MeterNo,
    ) -> Result<Option<MeterLine>, OfficeError> {
        if !self.meters.contains_key(&no) {
            self.write(conn).await?;
            self.read_ahead(conn, &BTreeSet::new(), &BTreeSet::from([no])).await?;
        }
        Ok(self.meters.get(&no).cloned().flatten())
    }

    /// Whether a meter that was read has to do with a swap, as the old one or the new one.
    pub fn swapped(&self, meter: MeterNo) -> bool {
        self.swapped.contains(&meter)
    }

    /// What was last read of a meter, of the account on the list, as it is known here.
    pub fn last_reading(&self, meter: MeterNo) -> Option<GroundReading> {
        let line = self.meters.get(&meter)?.as_ref()?;
        let state = self.states.get(&(meter, line.account)).copied().flatten()?;
        let figures = (state.count.0, Some(state.balance));
        Some(grounds::reading("office", (meter, line.account), figures, (line.unit, state.seen)))
    }

    /// What is known of a meter that was read.
    pub fn known(&self, line: &MeterLine) -> Known {
        let place = (line.meter, line.account);
        let state = self.states.get(&place).copied().flatten();
        let (count, seen) = state
            .map_or((PurchaseCount(0), UnixSeconds(i64::MIN)), |state| (state.count, state.seen));
        let next = self.next.get(&place).copied().unwrap_or(PurchaseCount(0));
        Known {
            account: line.account,
            count,
            seen,
            count_if_all_used: count.max(next),
            opening: self.openings.get(&line.meter).copied().flatten(),
        }
    }

    /// Whether nothing later is known of an account of a meter that was read.
    pub fn newer(&self, meter: MeterNo, account: AccountNo, seen: &Evidence) -> bool {
        let state = self.states.get(&(meter, account)).copied().flatten();
        state.is_none_or(|state| state.seen <= seen.read_at)
    }

    /// A reading becomes the last one known.
    pub fn set_state(&mut self, meter: MeterNo, account: AccountNo, seen: &Evidence) {
        let state = State {
            count: seen.count,
            balance: seen.balance.value,
            seen: seen.read_at,
            changed: true,
        };
        self.states.insert((meter, account), Some(state));
    }

    /// An intent for a token stands in its handheld's journal, at this entry first.
    pub fn intent_seen(&mut self, id: TokenId, seq: u64) {
        if let Some(Some(kept)) = self.tokens.get_mut(&id)
            && !kept.row.intent_seen
        {
            (kept.row.intent_seen, kept.intent_seq, kept.changed) = (true, Some(seq), true);
        }
    }

    /// The handheld knows what became of a token.
    pub fn told(&mut self, id: TokenId) {
        if let Some(Some(kept)) = self.tokens.get_mut(&id) {
            (kept.told, kept.changed) = (true, true);
            self.told.insert(id);
        }
    }

    /// A token's new state. Once it is in the meter, the meter's count is past its step, whatever
    /// was read before.
    pub fn set_token_state(&mut self, id: TokenId, state: TokenState) {
        let Some(Some(kept)) = self.tokens.get_mut(&id) else { return };
        (kept.row.state, kept.changed) = (state, true);
        let row = &kept.row;
        let after = row.count_before.next().filter(|_| row.takes_step());
        let Some(after) = after.filter(|_| state == TokenState::Applied) else { return };
        if let Some(Some(known)) = self.states.get_mut(&(row.meter, row.account))
            && known.count < after
        {
            (known.count, known.changed) = (after, true);
        }
    }

    /// Books one movement.
    pub fn book(&mut self, movement: Move, token: &TokenRow, at: UnixSeconds) {
        self.postings.extend(ledger::legs(movement, token, at));
    }

    /// Calls a person.
    pub fn raise(&mut self, review: NewReview<'_>, now: UnixSeconds) {
        self.reviews.push(review.cells(now));
    }

    /// Keeps an entry.
    pub fn keep(&mut self, event: Vec<Cell>) {
        self.events.push(event);
    }

    /// Writes what has changed, and forgets everything that was read.
    pub async fn settle(&mut self, conn: &mut Conn) -> Result<(), OfficeError> {
        self.write(conn).await?;
        *self = Self::new(self.device.clone());
        Ok(())
    }

    /// Writes what has changed.
    pub async fn write(&mut self, conn: &mut Conn) -> Result<(), OfficeError> {
        self.write_with(conn, Batch::default()).await
    }

    /// Writes what has changed, together with more.
    pub async fn write_with(
        &mut self,
        conn: &mut Conn,
        mut batch: Batch,
    ) -> Result<(), OfficeError> {
        let changed = self.tokens.values_mut().flatten().filter(|kept| kept.changed);
        let tokens = changed.map(|kept| {
            kept.changed = false;
            vec![
                text(kept.row.id),
                kept.row.state.name().into(),
                kept.intent_seq.map(ledger::number).into(),
                i64::from(kept.told).into(),
                text(kept.row.meter),
            ]
        });
        let sql = "UPDATE token SET state = v.column2,
                   intent_seq = COALESCE(token.intent_seq, v.column3),
                   told = CASE WHEN v.column4 = 1 THEN 1 ELSE token.told END
                   FROM {rows} WHERE token.meter = v.column5 AND token.id = v.column1";
        batch.with(sql, tokens.collect());
        let told = std::mem::take(&mut self.told).into_iter().map(|id| vec![text(id)]);
        let sql = "UPDATE decision SET told = 1 FROM {rows} WHERE decision.token = v.column1";
        batch.with(sql, told.collect());
        self.add_states(&mut batch);
        batch.add(BOOK, std::mem::take(&mut self.postings));
        batch.with(RAISE, std::mem::take(&mut self.reviews));
        let event = "event (device, epoch, seq, hash, body, kind, at, operator, meter, token,
                            outcome, reason, received)";
        batch.add(event, std::mem::take(&mut self.events));
        batch.run(conn).await.map_err(|error| ledger::step_taken(error.into()))
    }

    fn add_states(&mut self, batch: &mut Batch) {
        let mut rows = Vec::new();
        for ((meter, account), state) in &mut self.states {
            if let Some(state) = state.as_mut().filter(|state| state.changed) {
                state.changed = false;
                rows.push(vec![
                    text(meter),
                    text(account),
                    i64::from(state.count.0).into(),
                    state.balance.into(),
                    state.seen.0.into(),
                ]);
            }
        }
        let sql = "INSERT INTO meter_state (meter, account, count, balance, seen)
                   SELECT column1, column2, column3, column4, column5 FROM {rows} WHERE 1 = 1
                   ON CONFLICT (meter, account) DO UPDATE SET
                   count = excluded.count, balance = excluded.balance, seen = excluded.seen";
        batch.with(sql, rows);
    }
}
