//! The pieces that entries and rows share: evidence, judgements, tokens' facts, positions.

use super::RecordError;
use crate::store::event::{Position, Shown, TokenFacts};
use crate::store::schema::MAX_METER_TEXT;
use crate::units::{
    AccountNo, Act, BusPlace, Credit, CreditUnit, Decision, Energy, Evidence, IntentFacts,
    Judgement, MeterNo, OperatorId, PurchaseCount, PurchaseRecord, RelayState, TokenId,
    UnixSeconds,
};
use meterkit_tokens::cbor::{Fields, Value};

type Result<T> = std::result::Result<T, RecordError>;

/// A counter. The store's own never reach 2^63; a larger one is pinned there and fails to match.
pub fn number(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A meter number as its 6 BCD bytes.
pub fn meter(no: MeterNo) -> Value {
    Value::bytes(no.bcd())
}

/// An account number as its 6 BCD bytes.
pub fn account(no: AccountNo) -> Value {
    Value::bytes(no.bcd())
}

/// A token's identity.
pub fn token(id: TokenId) -> Value {
    Value::bytes(id.0)
}

/// Takes a meter number.
pub fn take_meter(fields: &mut Fields, key: i64) -> Result<MeterNo> {
    MeterNo::from_bcd(fields.array_bytes(key)?).ok_or(RecordError::Value("meter"))
}

/// Takes an account number.
pub fn take_account(fields: &mut Fields, key: i64) -> Result<AccountNo> {
    AccountNo::from_bcd(fields.array_bytes(key)?).ok_or(RecordError::Value("account"))
}

/// Takes an account number, if it is there.
pub fn take_opt_account(fields: &mut Fields, key: i64) -> Result<Option<AccountNo>> {
    let bcd = fields.opt_array_bytes(key)?;
    bcd.map(|b| AccountNo::from_bcd(b).ok_or(RecordError::Value("account"))).transpose()
}

/// Takes a token's identity.
pub fn take_token(fields: &mut Fields, key: i64) -> Result<TokenId> {
    Ok(TokenId(fields.array_bytes(key)?))
}

/// Takes an operator's id.
pub fn take_operator(fields: &mut Fields, key: i64) -> Result<OperatorId> {
    fields.text(key)?.parse().map_err(|_| RecordError::Value("operator"))
}

/// Takes bytes of at most `max`.
pub fn take_blob(f: &mut Fields, key: i64, max: usize, what: &'static str) -> Result<Vec<u8>> {
    let bytes = f.bytes(key)?;
    if bytes.len() <= max { Ok(bytes) } else { Err(RecordError::Value(what)) }
}

/// Takes a text of at most `max` bytes.
pub fn take_text(fields: &mut Fields, key: i64, max: usize, what: &'static str) -> Result<String> {
    let text = fields.text(key)?;
    if text.len() <= max { Ok(text) } else { Err(RecordError::Value(what)) }
}

/// A place on a bus: 1 line, 2 box, 3 user, 4 address; what is empty is left out. `None` when all
/// of it is: such meters are written as they were before there were places.
pub fn bus_place(place: &BusPlace) -> Option<Value> {
    let text = |text: &String| Some(Value::Text(text.clone())).filter(|_| !text.is_empty());
    let known = *place != BusPlace::default();
    known.then(|| {
        Value::map_of([
            (1, text(&place.line)),
            (2, text(&place.terminal)),
            (3, Some(Value::from(u32::from(place.user))).filter(|_| place.user != 0)),
            (4, text(&place.address)),
        ])
    })
}

/// Takes a place on a bus.
pub fn take_bus_place(fields: &mut Fields, key: i64) -> Result<BusPlace> {
    let Some(mut f) = fields.opt_map(key)? else { return Ok(BusPlace::default()) };
    let mut text = |key| match f.opt_text(key)?.unwrap_or_default() {
        text if text.len() <= MAX_METER_TEXT => Ok(text),
        _ => Err(RecordError::Value("place")),
    };
    let (line, terminal, address) = (text(1)?, text(2)?, text(4)?);
    let user = f.opt_int(3)?.unwrap_or(0);
    let user = u8::try_from(user).map_err(|_| RecordError::Value("user"))?;
    f.finish()?;
    Ok(BusPlace { line, terminal, user, address })
}

/// A unit: 1 yuan, 2 kWh.
pub fn unit(unit: CreditUnit) -> Value {
    Value::Int(match unit {
        CreditUnit::Yuan => 1,
        CreditUnit::Kwh => 2,
    })
}

/// Takes a unit.
pub fn take_unit(fields: &mut Fields, key: i64) -> Result<CreditUnit> {
    match fields.int(key)? {
        1 => Ok(CreditUnit::Yuan),
        2 => Ok(CreditUnit::Kwh),
        _ => Err(RecordError::Value("unit")),
    }
}

/// A position: 1 epoch, 2 sequence number, 3 hash.
pub fn position(at: &Position) -> Value {
    Value::Map(vec![(1, Value::from(at.epoch)), (2, number(at.seq)), (3, Value::bytes(at.hash))])
}

/// Reads a position.
pub fn take_position(mut fields: Fields) -> Result<Position> {
    let at =
        Position { epoch: fields.number(1)?, seq: fields.number(2)?, hash: fields.array_bytes(3)? };
    fields.finish()?;
    Ok(at)
}

/// What a plain reading showed: 1 balance, 2 unit, 3 overdraft, 4 count.
pub fn shown(shown: &Shown) -> Value {
    Value::Map(vec![
        (1, Value::Int(shown.balance.value)),
        (2, unit(shown.balance.unit)),
        (3, Value::Int(shown.overdraft)),
        (4, Value::from(shown.count.0)),
    ])
}

/// Takes what a plain reading showed.
pub fn take_shown(mut f: Fields) -> Result<Shown> {
    let balance = Credit { value: f.int(1)?, unit: take_unit(&mut f, 2)? };
    let shown = Shown { balance, overdraft: f.int(3)?, count: PurchaseCount(f.number(4)?) };
    f.finish()?;
    Ok(shown)
}

/// Evidence: 1 meter, 2 account, 3 count, 4 balance, 5 unit, 6 overdraft, 7 last purchase
/// (1 count, 2 amount, 3 before, 4 after), 8 energy, 9 meter clock, 10 relay (1 closed, 2 open),
/// 11 read at, 12 digest of the frames.
pub fn evidence(e: &Evidence) -> Value {
    let purchase = e.last_purchase.map(|p| {
        Value::map_of([
            (1, Some(Value::from(p.count.0))),
            (2, Some(Value::Int(p.amount))),
            (3, p.balances.map(|[before, _]| Value::Int(before))),
            (4, p.balances.map(|[_, after]| Value::Int(after))),
        ])
    });
    let relay = e.relay.map(|r| match r {
        RelayState::Closed => Value::Int(1),
        RelayState::Open => Value::Int(2),
    });
    Value::map_of([
        (1, Some(meter(e.meter))),
        (2, e.account.map(account)),
        (3, Some(Value::from(e.count.0))),
        (4, Some(Value::Int(e.balance.value))),
        (5, Some(unit(e.balance.unit))),
        (6, Some(Value::Int(e.overdraft))),
        (7, purchase),
        (8, e.energy.map(|v| Value::Int(v.0))),
        (9, e.meter_clock.map(|v| Value::Int(v.0))),
        (10, relay),
        (11, Some(Value::Int(e.read_at.0))),
        (12, Some(Value::bytes(e.frames_digest))),
    ])
}

/// Reads evidence.
pub fn take_evidence(mut f: Fields) -> Result<Evidence> {
    let last_purchase = match f.opt_map(7)? {
        None => None,
        Some(mut p) => {
            let record = PurchaseRecord {
                count: PurchaseCount(p.number(1)?),
                amount: p.int(2)?,
                balances: match (p.opt_int(3)?, p.opt_int(4)?) {
                    (None, None) => None,
                    (Some(before), Some(after)) => Some([before, after]),
                    _ => return Err(RecordError::Value("balances")),
                },
            };
            p.finish()?;
            Some(record)
        }
    };
    let relay = match f.opt_int(10)? {
        None => None,
        Some(1) => Some(RelayState::Closed),
        Some(2) => Some(RelayState::Open),
        Some(_) => return Err(RecordError::Value("relay")),
    };
    let found = Evidence {
        meter: take_meter(&mut f, 1)?,
        account: take_opt_account(&mut f, 2)?,
        count: PurchaseCount(f.number(3)?),
        balance: Credit { value: f.int(4)?, unit: take_unit(&mut f, 5)? },
        overdraft: f.int(6)?,
        last_purchase,
        energy: f.opt_int(8)?.map(Energy),
        meter_clock: f.opt_int(9)?.map(UnixSeconds),
        relay,
        read_at: UnixSeconds(f.int(11)?),
        frames_digest: f.array_bytes(12)?,
    };
    f.finish()?;
    Ok(found)
}

/// Takes evidence under a key, if it is there.
pub fn take_opt_evidence(fields: &mut Fields, key: i64) -> Result<Option<Evidence>> {
    fields.opt_map(key)?.map(take_evidence).transpose()
}

/// Numbers of the decisions on disk, in the order of `reference/tokens.md` 4.2.
const DECISIONS: [(i64, Decision); 8] = [
    (1, Decision::Confirmed),
    (2, Decision::ConfirmedWeak),
    (3, Decision::NotApplied),
    (4, Decision::Raced),
    (5, Decision::TornWrite),
    (6, Decision::Reset),
    (7, Decision::Contradiction),
    (8, Decision::Unreachable),
];

fn decision_code(decision: Decision) -> i64 {
    // Exhaustive on purpose: a new decision needs a number here and in the table.
    match decision {
        Decision::Confirmed => 1,
        Decision::ConfirmedWeak => 2,
        Decision::NotApplied => 3,
        Decision::Raced => 4,
        Decision::TornWrite => 5,
        Decision::Reset => 6,
        Decision::Contradiction => 7,
        Decision::Unreachable => 8,
    }
}

/// A judgement: 1 decision, 2 evidence after, 3 the meter's error word.
pub fn judgement(j: &Judgement) -> Value {
    Value::map_of([
        (1, Some(Value::Int(decision_code(j.decision)))),
        (2, j.after.as_ref().map(evidence)),
        (3, j.refusal_word.map(|w| Value::Int(i64::from(w)))),
    ])
}

/// Reads a judgement.
pub fn take_judgement(mut f: Fields) -> Result<Judgement> {
    let code = f.int(1)?;
    let found = DECISIONS.iter().find(|(known, _)| *known == code);
    let (_, decision) = *found.ok_or(RecordError::Value("decision"))?;
    let after = take_opt_evidence(&mut f, 2)?;
    let word = f.opt_int(3)?.map(u16::try_from).transpose();
    let refusal_word = word.map_err(|_| RecordError::Value("refusal word"))?;
    f.finish()?;
    Ok(Judgement { decision, after, refusal_word })
}

/// Facts of an intent: 1 token, 2 meter, 3 account, 4 count before, 5 credit, 6 unit, 7 order.
pub fn intent_facts(facts: &IntentFacts) -> Value {
    Value::map_of([
        (1, Some(token(facts.token))),
        (2, Some(meter(facts.meter))),
        (3, Some(account(facts.account))),
        (4, Some(Value::from(facts.count_before.0))),
        (5, Some(Value::Int(facts.credit.value))),
        (6, Some(unit(facts.credit.unit))),
        (7, Some(Value::bytes(facts.order))),
        (8, act(facts.act)),
    ])
}

/// Reads the facts of an intent.
pub fn take_intent_facts(mut f: Fields) -> Result<IntentFacts> {
    let facts = IntentFacts {
        token: take_token(&mut f, 1)?,
        meter: take_meter(&mut f, 2)?,
        account: take_account(&mut f, 3)?,
        count_before: PurchaseCount(f.number(4)?),
        credit: Credit { value: f.int(5)?, unit: take_unit(&mut f, 6)? },
        order: f.array_bytes(7)?,
        act: take_act(&mut f, 8)?,
    };
    f.finish()?;
    Ok(facts)
}

/// An act's number; a recharge is left out, as in entries written before there was anything else.
fn act(act: Act) -> Option<Value> {
    (act != Act::Recharge).then(|| Value::Int(i64::from(act.number())))
}

fn take_act(fields: &mut Fields, key: i64) -> Result<Act> {
    match fields.opt_int(key)? {
        None => Ok(Act::Recharge),
        // A second spelling of what is left out.
        Some(0) => Err(RecordError::Value("act")),
        Some(number) => Act::from_number(number).ok_or(RecordError::Value("act")),
    }
}

/// A token's facts: 1-7 as an intent's, 8 running number, 9 not before, 10 expires, 11 capability
/// bits, 12 highest balance, 13 when it was signed, 14 its act.
pub fn token_facts(t: &TokenFacts) -> Value {
    Value::map_of([
        (1, Some(token(t.id))),
        (2, Some(meter(t.meter))),
        (3, Some(account(t.account))),
        (4, Some(Value::from(t.count_before.0))),
        (5, Some(Value::Int(t.credit.value))),
        (6, Some(unit(t.credit.unit))),
        (7, Some(Value::bytes(t.order))),
        (8, Some(number(t.seq))),
        (9, Some(Value::Int(t.not_before.0))),
        (10, Some(Value::Int(t.expires.0))),
        (11, Some(Value::from(t.caps))),
        (12, t.max_balance.map(Value::Int)),
        (13, Some(Value::Int(t.issued.0))),
        (14, act(t.act)),
    ])
}

/// Reads a token's facts.
pub fn take_token_facts(mut f: Fields) -> Result<TokenFacts> {
    let facts = TokenFacts {
        id: take_token(&mut f, 1)?,
        meter: take_meter(&mut f, 2)?,
        account: take_account(&mut f, 3)?,
        count_before: PurchaseCount(f.number(4)?),
        credit: Credit { value: f.int(5)?, unit: take_unit(&mut f, 6)? },
        order: f.array_bytes(7)?,
        seq: f.number(8)?,
        not_before: UnixSeconds(f.int(9)?),
        expires: UnixSeconds(f.int(10)?),
        caps: f.number(11)?,
        max_balance: f.opt_int(12)?,
        issued: UnixSeconds(f.int(13)?),
        act: take_act(&mut f, 14)?,
    };
    f.finish()?;
    Ok(facts)
}
