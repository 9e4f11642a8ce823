//! Data sets: `address(value*unit)`, several on a line, a table of them.
//!
//! Values stay the text the meter sent; a number is made of it only where it is one, exactly.

use crate::protocol::value::{Decimal, Value};

use super::frame::Ident;

/// A bracket is missing.
pub const MISSING_BRACKET: &str = "missing_bracket";

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// What it is, where the meter says so; a further value of the same set has none.
    pub address: Option<String>,
    /// The value, as sent.
    pub value: String,
    /// Its unit, where the meter says so.
    pub unit: Option<String>,
}

impl DataSet {
    /// The value as a number: what has a unit, or a point, and only digits otherwise. Anything else
    /// (clock times, numbers of meters) is text.
    pub fn value(&self) -> Value {
        let number = (self.unit.is_some() || self.value.contains('.')).then(|| self.number());
        number.flatten().map_or_else(|| Value::Text(self.value.clone()), Value::Number)
    }

    /// The value as an exact number, if it is one.
    pub fn number(&self) -> Option<Decimal> {
        let text = self.value.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let all = || whole.bytes().chain(part.bytes());
        if whole.is_empty() || !all().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut number: i64 = 0;
        for byte in all() {
            number = number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
        }
        let decimals = u8::try_from(part.len()).ok()?;
        Some(Decimal { digits: if negative { -number } else { number }, decimals })
    }

    /// As it is sent.
    pub fn encode(&self) -> String {
        let address = self.address.as_deref().unwrap_or_default();
        match &self.unit {
            Some(unit) => format!("{address}({}*{unit})", self.value),
            None => format!("{address}({})", self.value),
        }
    }
}

/// Everything a meter read out says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Who sent it.
    pub ident: Ident,
    /// The speed it came at.
    pub baud: u32,
    /// The values, in order.
    pub sets: Vec<DataSet>,
    /// What was wrong with lines that could still be read in part; stable names.
    pub faults: Vec<&'static str>,
    /// Those lines, as sent; the first of them where there are many.
    pub damaged: Vec<String>,
}

/// Damaged lines kept, and characters of each.
const DAMAGED_MAX: usize = 8;
const DAMAGED_CHARS: usize = 40;

/// The lines of a table that are not whole.
pub(super) fn damaged(text: &str) -> Vec<String> {
    let lines = text.split(['\r', '\n']).take_while(|line| !line.starts_with('!'));
    let bad = lines.filter(|line| parse(line).1.is_some());
    bad.take(DAMAGED_MAX).map(|line| line.chars().take(DAMAGED_CHARS).collect()).collect()
}

impl Table {
    /// The first value at `address`, `1.8.0` for one. A meter that writes it in full, `1-0:1.8.0`
    /// or `1.8.0*255`, means the same.
    pub fn find(&self, address: &str) -> Option<&DataSet> {
        let named = |set: &&DataSet| set.address.as_deref() == Some(address);
        let meant = |set: &&DataSet| set.address.as_deref().map(short) == Some(short(address));
        self.sets.iter().find(named).or_else(|| self.sets.iter().find(meant))
    }
}

/// An address without medium, channel and "present value".
pub(super) fn short(address: &str) -> &str {
    let plain = address.split_once(':').map_or(address, |(_, plain)| plain);
    plain.strip_suffix("*255").unwrap_or(plain)
}

/// Reads the data sets of a message, and names what is wrong with those that are not whole. A line
/// that begins with `!` ends the table.
pub fn parse(text: &str) -> (Vec<DataSet>, Option<&'static str>) {
    let mut sets = Vec::new();
    let mut fault = None;
    for line in text.split(['\r', '\n']).take_while(|line| !line.starts_with('!')) {
        let mut rest = line;
        while !rest.is_empty() {
            let (set, tail, whole) = first(rest);
            if !whole {
                fault = Some(MISSING_BRACKET);
            }
            sets.push(set);
            rest = tail;
        }
    }
    (sets, fault)
}

/// The first set of a line, what follows it, and whether it is whole.
fn first(line: &str) -> (DataSet, &str, bool) {
    let Some((address, inside)) = line.split_once('(') else {
        // No value can be told from an address here.
        let set = DataSet { address: None, value: line.to_owned(), unit: None };
        return (set, "", false);
    };
    let end = inside.find([')', '(']);
    let closed = end.is_some_and(|at| inside.get(at..).is_some_and(|rest| rest.starts_with(')')));
    let (value, tail) = match end {
        Some(at) => (inside.get(..at), inside.get(at + usize::from(closed)..)),
        None => (Some(inside), None),
    };
    let value = value.unwrap_or_default();
    let (value, unit) = match value.rsplit_once('*') {
        Some((value, unit)) => (value, Some(unit.to_owned())),
        None => (value, None),
    };
    let address = (!address.is_empty()).then(|| address.to_owned());
    // A bracket that closes what was never opened.
    let strange = address.as_ref().is_some_and(|address| address.contains(')'));
    let set = DataSet { address, value: value.to_owned(), unit };
    (set, tail.unwrap_or_default(), closed && !strange)
}

/// The meter's word for no: `(ER03)`, `(ERROR)`; what it says and the number in it.
pub fn refusal(text: &str) -> Option<(&str, u16)> {
    let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let short = inside.len() <= 32 && !inside.contains(['(', ')']);
    let says = inside.starts_with("ER") && short;
    let digits: String = inside.chars().filter(char::is_ascii_digit).take(4).collect();
    says.then(|| (inside, digits.parse().unwrap_or_default()))
}
