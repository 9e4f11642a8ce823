//! The rows of an errand's sheet: sign, name, figure, and why it is not good.
//!
//! A name is never cut and a figure never broken: what does not fit beside its name stands below
//! it.

use super::facts;
use crate::jobs::errand::{Row as Line, Sheet, Sign};
use crate::text::{Lang, errors, work as names};
use crate::tui::theme::Meaning;
use crate::tui::widgets::Row;
use crate::tui::wrap;
use crate::units::{ErrandKind, MeterNo};

/// Cells of a row's name.
const NAME_CELLS: usize = 18;
/// Cells of the sign and the space behind it.
const SIGN_CELLS: usize = 3;
/// Digits of a meter's number that are asked for.
const ASKED_DIGITS: usize = 4;
/// Steps of the bar.
const BAR_CELLS: usize = 16;

/// How a sign is shown: the sign first, a colour second.
fn sign(sign: Sign) -> (&'static str, Meaning) {
    match sign {
        Sign::Todo => (". ", Meaning::Faint),
        Sign::Doing => ("> ", Meaning::Strong),
        Sign::Good => ("OK", Meaning::Good),
        Sign::Warn => ("! ", Meaning::Alarm),
        Sign::Bad => ("X ", Meaning::Fault),
        Sign::Unknown => ("? ", Meaning::Alarm),
        Sign::Info => ("  ", Meaning::Plain),
    }
}

/// The end of a number that a person has to read off the meter is not on the page that asks for it.
pub fn masked(meter: MeterNo) -> String {
    let text = meter.to_string();
    let kept = text.len().saturating_sub(ASKED_DIGITS);
    format!("{}{}", &text[..kept], ".".repeat(ASKED_DIGITS))
}

/// One row of a sheet as rows of at most `width` cells; the number of a meter that is asked for
/// shows without its end.
pub fn row(lang: Lang, line: &Line, asked: Option<MeterNo>, width: usize) -> Vec<Row> {
    let (mark, meaning) = sign(line.sign);
    let room = width.saturating_sub(SIGN_CELLS);
    let name = names::placed(lang, &line.name);
    let name = match line.meter {
        Some(meter) if asked == Some(meter) => format!("{} {name}", masked(meter)),
        Some(meter) => format!("{meter} {name}"),
        None => name,
    };
    let value = names::value(lang, &line.value);
    let value = match asked {
        Some(meter) => value.replace(&meter.to_string(), &masked(meter)),
        None => value,
    };
    let mut texts = Vec::new();
    let beside = wrap::width(&name).max(NAME_CELLS) + 1;
    if value.trim().is_empty() {
        texts.extend(wrap::wrap(&name, room));
    } else if beside + wrap::width(&value) <= room {
        let pad = wrap::pad(&name, beside - 1);
        texts.push(format!("{pad} {}", wrap::clean(&value)));
    } else {
        texts.extend(wrap::wrap(&name, room));
        // Several of them begin a row each.
        for one in value.split("; ") {
            let below = wrap::wrap(one, room.saturating_sub(2));
            texts.extend(below.into_iter().map(|text| format!("  {text}")));
        }
    }
    let mut rows: Vec<Row> = texts
        .into_iter()
        .enumerate()
        .map(|(at, text)| {
            let mark = if at == 0 { mark } else { "  " };
            Row::of(meaning, format!("{mark} ")).and(meaning, text)
        })
        .collect();
    rows.extend(why(lang, line, room));
    rows
}

/// Why a row is not good: the sentence with its code, what it is about, what to do next.
fn why(lang: Lang, line: &Line, room: usize) -> Vec<Row> {
    let Some(failure) = &line.failure else { return Vec::new() };
    let told = errors::words(failure.code);
    let text = format!("{} {}", failure.code.as_str(), told.title(lang));
    let mut rows = facts::say(Meaning::Plain, &text, room);
    // What the row says already is not said twice.
    let detail = errors::detail(lang, failure.code, &failure.detail).to_string();
    let detail = names::value(lang, &detail);
    if !detail.is_empty() && failure.detail != line.value {
        rows.extend(facts::say(Meaning::Faint, &detail, room));
    }
    rows.extend(facts::say(Meaning::Faint, told.next(lang), room));
    rows.into_iter().map(|row| (0..SIGN_CELLS).fold(row, |row, _| row.indented())).collect()
}

/// How many of an errand's meters have come to an end: `[####....] 3/8`. None where it is about one
/// meter only, or about two of which one takes the other's place.
pub fn bar(sheet: &Sheet) -> Option<Row> {
    if !matches!(sheet.kind, ErrandKind::Control | ErrandKind::Bundle | ErrandKind::Round) {
        return None;
    }
    let meters = sheet.rows.iter().filter(|row| row.meter.is_some() && row.sign != Sign::Info);
    let mut over = std::collections::BTreeMap::new();
    for row in meters {
        let ended = !matches!(row.sign, Sign::Todo | Sign::Doing);
        over.entry(row.meter).and_modify(|all| *all &= ended).or_insert(ended);
    }
    let seen = (over.len(), over.values().filter(|over| **over).count());
    // A round shows only the last of its meters, and counts the rest.
    let count = |name: &str| {
        let row = sheet.rows.iter().find(|row| row.name == name);
        row.and_then(|row| row.value.parse::<usize>().ok())
    };
    let counted = count("round-listed").zip(count("round-missing"));
    let (of, done) = counted.map_or(seen, |(of, missing)| (of, of.saturating_sub(missing)));
    if of < 2 {
        return None;
    }
    let filled = done * BAR_CELLS / of;
    let bar = format!("[{}{}]", "#".repeat(filled), ".".repeat(BAR_CELLS - filled));
    Some(Row::plain(format!("{bar} {done}/{of}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::failure::fail;
    use crate::report::Code;

    fn text(line: &Line, width: usize) -> Vec<String> {
        let rows = row(Lang::En, line, None, width);
        assert!(rows.iter().all(|row| row.width() <= width), "{rows:?}");
        rows.iter().map(|row| row.text()).collect()
    }

    #[test]
    fn a_figure_stands_beside_its_name_or_whole_below_it() {
        let short = Line::new(Sign::Good, "carry-out", "123.45 CNY");
        assert_eq!(text(&short, 40), ["OK taken out          123.45 CNY"]);
        let long = Line::info("account-listed", "330100000101");
        assert_eq!(text(&long, 40), ["   account by the office's list", "     330100000101"]);
        assert_eq!(text(&long, 80), ["   account by the office's list 330100000101"]);
        let meter = Line::new(Sign::Todo, "control-act", "").at("47".parse().unwrap());
        assert_eq!(text(&meter, 40), [".  000000000047 result"]);
    }

    #[test]
    fn the_digits_asked_for_are_not_shown() {
        let meter = "47".parse().unwrap();
        let line = Line::new(Sign::Good, "carry-out", "").at(meter);
        let shown = |asked| row(Lang::En, &line, asked, 40)[0].text();
        assert_eq!(shown(Some(meter)), "OK 00000000.... taken out");
        assert_eq!(shown("48".parse().ok()), "OK 000000000047 taken out");
        let named = Line::info("meter", "000000000047");
        assert!(!row(Lang::En, &named, Some(meter), 40)[0].text().contains("0047"));
    }

    #[test]
    fn two_meters_of_a_swap_are_no_share_of_anything() {
        let mut sheet = Sheet::new(ErrandKind::Swap, None);
        for no in ["1", "2"] {
            sheet.rows.push(Line::new(Sign::Good, "carry-out", "").at(no.parse().unwrap()));
        }
        assert_eq!(bar(&sheet), None);
        sheet.kind = ErrandKind::Bundle;
        assert!(bar(&sheet).is_some());
    }

    #[test]
    fn a_failure_says_what_and_what_next_and_nothing_twice() {
        let failure = fail(Code::MeterSilent, "000000000047");
        let line = Line::new(Sign::Bad, "control-act", "").because(failure);
        let told = text(&line, 40).join("\n");
        assert!(told.starts_with("X  result\n   MK-"), "{told}");
        assert!(told.contains("   000000000047\n"), "{told}");
        assert!(told.contains("Check the number"), "{told}");
        let same = Line::new(Sign::Warn, "warned", "x").because(fail(Code::MeterSilent, "x"));
        assert_eq!(text(&same, 80).iter().filter(|line| line.ends_with(" x")).count(), 1);
    }

    #[test]
    fn the_bar_counts_meters_and_not_rows() {
        let mut sheet = Sheet::new(ErrandKind::Control, None);
        let meter = |no: &str| no.parse().unwrap();
        sheet.rows.push(Line::new(Sign::Good, "control-act", "").at(meter("1")));
        assert_eq!(bar(&sheet), None);
        sheet.rows.push(Line::new(Sign::Bad, "control-act", "").at(meter("2")));
        sheet.rows.push(Line::new(Sign::Todo, "control-act", "").at(meter("3")));
        sheet.rows.push(Line::new(Sign::Good, "control-act", "").at(meter("3")));
        sheet.rows.push(Line::info("other-meter", "").at(meter("4")));
        assert_eq!(bar(&sheet).unwrap().text(), "[##########......] 2/3");
        sheet.rows = vec![Line::info("round-listed", "8"), Line::info("round-missing", "6")];
        assert_eq!(bar(&sheet).unwrap().text(), "[####............] 2/8");
    }
}
