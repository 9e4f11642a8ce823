//! The `[money]` section: where the account is, and how it is recharged.
//!
//! For DL/T 645 every row has to be there. For Modbus a maker's document may give only some: the
//! profile is good for reading then, and says which rows a recharge is refused for.

use super::check::{self, Defaults};
use super::fault::What;
use super::place::{hex, register};
use super::raw::{Need, Notes, Table};
use super::{
    Dlt645Money, Field, Layout, ModbusMoney, MoneyAt, MoneyRules, Part, Protocol, Refund, lint,
};
use crate::protocol::form::Form;
use crate::units::CreditUnit;

const DI: &str = "8 hexadecimal digits";
const RECORD: &str = "4 times 6 hexadecimal digits: count, amount, before, after";
const REGISTER: &str = "a register, 4 hexadecimal digits";
/// Registers of twelve digits in BCD: an account number in a recharge block.
const ACCOUNT_WORDS: u16 = 3;

/// What the section says.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub rules: Option<MoneyRules>,
    /// Keys without which there are no rules.
    pub lacks: Vec<String>,
}

/// What both forms of the section have.
struct Common {
    unit: CreditUnit,
    price_fen_per_kwh: i64,
    power_w: i64,
    defaults: Defaults,
}

impl Common {
    fn rules(self, at: MoneyAt) -> MoneyRules {
        let Self { unit, price_fen_per_kwh, power_w, defaults } = self;
        let Defaults { source, confidence } = defaults;
        MoneyRules { unit, price_fen_per_kwh, power_w, source, confidence, at }
    }
}

pub(super) fn read(
    notes: &mut Notes,
    mut table: Table<'_>,
    protocol: Option<Protocol>,
    file: &Defaults,
) -> Read {
    let (at, path) = (table.at, table.path.clone());
    match protocol {
        None => return Read::default(),
        Some(Protocol::Dlt645_2007 | Protocol::ModbusRtu | Protocol::ModbusTcp) => {}
        Some(other) => {
            notes.add(at, &path, "", What::NotHere { protocol: other.name() });
            return Read::default();
        }
    }
    let own = check::defaults(notes, &mut table, file);
    let confidence = own.confidence;
    let common = common(notes, &mut table, own);
    if protocol == Some(Protocol::Dlt645_2007) {
        let money = dlt645(notes, &mut table);
        table.finish(notes);
        lint::written(notes, at, &path, confidence);
        let rules = common.zip(money).map(|(common, money)| common.rules(MoneyAt::Dlt645(money)));
        return Read { rules, lacks: Vec::new() };
    }
    let (money, lacks) = modbus(notes, &mut table);
    table.finish(notes);
    if lacks.is_empty() {
        lint::written(notes, at, &path, confidence);
    } else {
        notes.add(at, &path, "", What::MoneyIncomplete { rows: lacks.clone() });
    }
    let rules = common.zip(money).map(|(common, money)| common.rules(MoneyAt::Modbus(money)));
    Read { rules, lacks }
}

fn common(notes: &mut Notes, table: &mut Table<'_>, defaults: Defaults) -> Option<Common> {
    let unit = table.text(notes, "unit", Need::Must, "yuan or kwh", |text| match text {
        "yuan" => Some(CreditUnit::Yuan),
        "kwh" => Some(CreditUnit::Kwh),
        _ => None,
    });
    let price = table.number(notes, "price_fen_per_kwh", Need::Must, 1..=10_000, "");
    let power = table.number(notes, "power_w", Need::Must, 1..=10_000_000, "");
    Some(Common { unit: unit?, price_fen_per_kwh: price?, power_w: power?, defaults })
}

fn dlt645(notes: &mut Notes, table: &mut Table<'_>) -> Option<Dlt645Money> {
    let recharge: Option<Layout> = table.word(notes, "recharge", Need::Must);
    let refund: Option<Refund> = table.word(notes, "refund", Need::May);
    let mut di =
        |table: &mut Table<'_>, key, need| table.text(notes, key, need, DI, |text| hex(text, 8));
    let balance = di(table, "balance", Need::Must);
    let overdraft = di(table, "overdraft", Need::Must);
    let count = di(table, "count", Need::Must);
    let hoard = di(table, "hoard", Need::May);
    // Six digits name the column; the last two are the row, 01 = newest.
    let column = |text: &str| hex(text, 6).map(|column| column << 8 | 1);
    let record = table.texts(notes, "record", 4, RECORD, column);
    let rows = table.number(notes, "rows", Need::Must, 1..=10, "");
    Some(Dlt645Money {
        recharge: recharge?,
        refund,
        balance: balance?,
        overdraft: overdraft?,
        count: count?,
        record: record?.try_into().ok()?,
        rows: rows?,
        hoard,
    })
}

/// What a value in registers may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Twelve digits, or text.
    Number,
    /// A quantity.
    Amount,
}

/// The rules, and the keys that are missing.
fn modbus(notes: &mut Notes, table: &mut Table<'_>) -> (Option<ModbusMoney>, Vec<String>) {
    let mut lacks = Vec::new();
    let mut required = |table: &mut Table<'_>, notes: &mut Notes, key, kind| {
        if !table.has(key) {
            table.known(key);
            lacks.push(String::from(key));
            return None;
        }
        field(notes, table, key, kind)
    };
    let identity = required(table, notes, "identity", Kind::Number);
    let account = required(table, notes, "account", Kind::Number);
    let count = required(table, notes, "count", Kind::Amount);
    let balance = required(table, notes, "balance", Kind::Amount);
    let recharge = if table.has("recharge") {
        recharge(notes, table)
    } else {
        table.known("recharge");
        lacks.push("recharge".to_owned());
        None
    };
    let overdraft = field(notes, table, "overdraft", Kind::Amount);
    let last_count = field(notes, table, "last_count", Kind::Amount);
    let last_amount = field(notes, table, "last_amount", Kind::Amount);
    for (there, other, missing) in
        [(last_count, last_amount, "last_amount"), (last_amount, last_count, "last_count")]
    {
        if there.is_some() && other.is_none() && !table.has(missing) {
            let expected = "a register: the newest purchase is count and amount".to_owned();
            notes.add(table.at, &table.path_of(missing), "", What::Missing { expected });
        }
    }
    let last = last_count.zip(last_amount).map(|(count, amount)| [count, amount]);
    let money = || {
        let (write, parts) = recharge?;
        Some(ModbusMoney {
            identity: identity?,
            account: account?,
            count: count?,
            balance: balance?,
            overdraft,
            last,
            write,
            parts,
        })
    };
    (money(), lacks)
}

/// `key = { at = "0362", form = "i32" }`.
fn field(notes: &mut Notes, table: &mut Table<'_>, key: &'static str, kind: Kind) -> Option<Field> {
    let mut inner = table.table(notes, key, Need::May)?;
    let at = inner.text(notes, "at", Need::Must, REGISTER, register);
    let form: Option<Form> = inner.word(notes, "form", Need::Must);
    let given: Option<u16> = inner.number(notes, "words", Need::May, 1..=16, "");
    let fits = match form {
        Some(Form::ClockSmhwdmy) => false,
        Some(Form::Hex | Form::Ascii) => kind == Kind::Number,
        Some(Form::High | Form::Low) => kind == Kind::Amount,
        _ => true,
    };
    if !fits {
        inner.wrong(notes, "form", "a form that holds such a value");
    }
    let fixed = form.and_then(Form::words);
    let words = match (fixed, given) {
        (Some(fixed), Some(given)) if fixed != given => {
            inner.wrong(notes, "words", &format!("{fixed}, or nothing: the form says"));
            None
        }
        (None, None) if form.is_some() => {
            let expected = "the registers it takes: this form does not say".to_owned();
            notes.add(inner.at, &inner.path_of("words"), "", What::Missing { expected });
            None
        }
        (fixed, given) => fixed.or(given),
    };
    inner.finish(notes);
    Some(Field { register: at?, form: form?, words: words? })
}

/// `recharge = { at = "0543", parts = [{ part = "amount", form = "u32" }, ..] }`.
fn recharge(notes: &mut Notes, table: &mut Table<'_>) -> Option<(u16, Vec<(Part, Form)>)> {
    let mut inner = table.table(notes, "recharge", Need::Must)?;
    let at = inner.text(notes, "at", Need::Must, REGISTER, register);
    let mut parts: Vec<(Part, Form)> = Vec::new();
    let mut whole = true;
    for mut table in inner.tables(notes, "parts") {
        let part: Option<Part> = table.word(notes, "part", Need::Must);
        let form: Option<Form> = table.word(notes, "form", Need::Must);
        if let (Some(part), Some(form)) = (part, form) {
            if words_of(part, form).is_none() {
                table.wrong(notes, "form", "a form of known length; bcd for the account");
            }
            if parts.iter().any(|(known, _)| *known == part) {
                table.wrong(notes, "part", "each part once");
            }
            parts.push((part, form));
        } else {
            whole = false;
        }
        table.finish(notes);
    }
    let has = |wanted| parts.iter().any(|(part, _)| *part == wanted);
    // Without the count the meter could not tell a repeated frame from a second purchase.
    if whole && !(has(Part::Amount) && has(Part::Count)) {
        inner.wrong(notes, "parts", "a list with amount and count at least");
        whole = false;
    }
    inner.finish(notes);
    whole.then_some((at?, parts))
}

/// Registers a part of a recharge block takes.
pub(super) fn words_of(part: Part, form: Form) -> Option<u16> {
    match (part, form) {
        (Part::Account, Form::Bcd | Form::BcdLow) => Some(ACCOUNT_WORDS),
        (_, Form::ClockSmhwdmy | Form::High | Form::Low) => None,
        (_, form) => form.words(),
    }
}
