//! Shifts: what closing one now would come to, closing it, and those that were closed.

use super::super::act::Whose;
use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use crate::office::{Next, Office, OfficeError, Shift, ShiftOf, ShiftSaid, ShiftSum};
use crate::tui::theme::Meaning;
use crate::units::Credit;

/// Whose, its number, when.
const COLUMNS: &[Column] = &[left(0), right(4), left(16)];

fn of(whose: &Whose) -> ShiftOf {
    match whose {
        Whose::Device(device) => ShiftOf::Device(device.clone()),
        Whose::Operator(operator) => ShiftOf::Operator(operator.clone()),
    }
}

/// The figures of one unit, with both sums that must be zero.
fn sum(sum: &ShiftSum) -> Vec<Fact> {
    let money = |value| Cell::Credit(Credit { value, unit: sum.unit });
    let zero = |value: i64| if value == 0 { Meaning::Good } else { Meaning::Fault };
    vec![
        Fact::new("brought", money(sum.brought)),
        Fact::new("reserved-sum", money(sum.reserved)),
        Fact::new("applied-sum", money(sum.applied)).strong(),
        Fact::new("voided-sum", money(sum.voided)),
        Fact::new("still-out", money(sum.out)),
        Fact::new("off", money(sum.off())).meant(zero(sum.off())),
        Fact::new("revenue", money(sum.revenue)).strong(),
        Fact::new("refunded-sum", money(sum.refunded)),
        Fact::new("postings-sum", money(sum.postings)).meant(zero(sum.postings)),
        Fact::new("movements", Cell::Number(sum.ops)),
    ]
}

fn parts(shift: &Shift) -> Vec<Part> {
    let mut parts = vec![match shift.sound() {
        true => Part::Say(Meaning::Good, "say-shift-zero"),
        false => Part::Say(Meaning::Fault, "say-shift-not-zero"),
    }];
    let since = shift.opened.map_or(Cell::word("the-beginning"), Cell::At);
    parts.push(Part::Facts(vec![
        Fact::new(shift_name(shift), Cell::text(shift.of.name())).strong(),
        Fact::new("number", Cell::Number(shift.number)),
        Fact::new("since", since),
        Fact::new("until", Cell::At(shift.closed)),
    ]));
    if shift.sums.is_empty() {
        parts.push(Part::Say(Meaning::Plain, "say-shift-empty"));
    }
    parts.extend(shift.sums.iter().map(|one| Part::Facts(sum(one))));
    if let Some(head) = &shift.head {
        let hash: String = head.hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        parts.push(Part::Facts(vec![
            Fact::new("journal", Cell::text(format!("{}/{}", head.epoch, head.seq))),
            Fact::new("chain", Cell::text(hash)),
        ]));
    }
    parts.extend(shift.said.iter().flat_map(said));
    parts
}

/// What a handheld said at its shift's end, and what the office has.
fn said(said: &ShiftSaid) -> Vec<Part> {
    let next = match said.next() {
        Next::Nothing => Part::Say(Meaning::Good, "say-said-same"),
        Next::Wait => Part::Say(Meaning::Alarm, "say-said-wait"),
        Next::Fork => Part::Say(Meaning::Fault, "say-said-fork"),
        Next::Settle => Part::Say(Meaning::Fault, "say-said-settle"),
        Next::Ask => Part::Say(Meaning::Fault, "say-said-ask"),
    };
    let mut facts = vec![
        Fact::new("device", Cell::text(&said.device)).strong(),
        Fact::new("operator", Cell::text(&said.operator)),
        Fact::new("signed-at", Cell::At(said.time)),
    ];
    let zero = |value: i64| if value == 0 { Meaning::Good } else { Meaning::Fault };
    for sum in &said.sums {
        let money = |value| Cell::Credit(Credit { value, unit: sum.unit });
        facts.extend([
            Fact::new("said-done", money(sum.said)),
            Fact::new("here-done", money(sum.here)),
            Fact::new("off", money(sum.off())).meant(zero(sum.off())),
        ]);
        if let Some((told, here)) = sum.out {
            facts.extend([
                Fact::new("said-out", money(told)),
                Fact::new("here-out", money(here)),
                Fact::new("off", money(sum.out_off())).meant(zero(sum.out_off())),
            ]);
        }
    }
    facts.extend(said.tokens.iter().map(|token| Fact::new("token", Cell::text(token))));
    vec![Part::Head("said"), next, Part::Facts(facts)]
}

fn shift_name(shift: &Shift) -> &'static str {
    match shift.of {
        ShiftOf::Device(_) => "device",
        ShiftOf::Operator(_) => "operator",
    }
}

/// Those that were closed.
pub async fn list(office: &Office) -> Result<Page, OfficeError> {
    let rows = office.shifts(None).await?;
    let lines = rows.iter().map(|shift| {
        let mut facts = vec![Fact::new(shift_name(shift), Cell::text(shift.of.name())).strong()];
        facts.extend(shift.sums.iter().flat_map(sum));
        Line {
            key: shift.id.clone(),
            sign: if shift.sound() { ('+', Meaning::Good) } else { ('X', Meaning::Fault) },
            cells: vec![
                Cell::text(shift.of.name()),
                Cell::Number(shift.number),
                Cell::At(shift.closed),
            ],
            facts,
            leads: None,
        }
    });
    let table = Table { name: "shifts", columns: COLUMNS, lines: lines.collect() };
    Ok(Page::of(vec![Part::Table(table)]))
}

/// What closing it now would come to.
pub async fn check(office: &Office, whose: &Whose) -> Result<Page, OfficeError> {
    let shift = office.shift_now(&of(whose)).await?;
    let mut all = vec![Part::Say(Meaning::Strong, "say-closes-shift")];
    all.extend(parts(&shift));
    Ok(Page { proof: Some(shift.of.name().to_owned()), ..Page::of(all) })
}

/// Closes it.
pub async fn carry_out(office: &Office, whose: &Whose) -> Result<Page, OfficeError> {
    Ok(Page::of(parts(&office.close_shift(&of(whose)).await?)))
}
