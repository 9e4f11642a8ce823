//! A survey in words: for the screen, for the command line, and as the sheets of a spreadsheet.

use super::survey_boxes;
use crate::jobs::views::{
    Book, Gap, NotSearched, Sheet, SheetCell, SurveyEnd, SurveyMeter, SurveyProtocol, SurveyView,
    Verdict, VerdictKind,
};
use crate::text::Lang;

impl Lang {
    /// A verdict in a few words.
    pub fn verdict(self, kind: VerdictKind) -> &'static str {
        match kind {
            VerdictKind::InOrder => self.verdict_in_order(),
            VerdictKind::Silent => self.verdict_silent(),
            VerdictKind::Garbled => self.verdict_garbled(),
            VerdictKind::WrongParity => self.verdict_wrong_parity(),
            VerdictKind::PairSwapped => self.verdict_pair_swapped(),
            VerdictKind::Echo => self.verdict_echo(),
            VerdictKind::EchoShort => self.verdict_echo_short(),
            VerdictKind::DuplicateAddress => self.verdict_duplicate(),
            VerdictKind::TwoProtocols => self.verdict_two_protocols(),
            VerdictKind::ForeignMaster => self.verdict_foreign(),
            VerdictKind::SlowAdapter => self.verdict_slow(),
            VerdictKind::LineFixed => self.verdict_fixed(),
            VerdictKind::MachineBusy => self.verdict_busy(),
        }
    }

    /// What to do about it.
    pub fn verdict_next(self, kind: VerdictKind) -> &'static str {
        match kind {
            VerdictKind::InOrder => self.next_in_order(),
            VerdictKind::Silent => self.next_silent(),
            VerdictKind::Garbled => self.next_garbled(),
            VerdictKind::WrongParity => self.next_wrong_parity(),
            VerdictKind::PairSwapped => self.next_pair_swapped(),
            VerdictKind::Echo => self.next_echo(),
            VerdictKind::EchoShort => self.next_echo_short(),
            VerdictKind::DuplicateAddress => self.next_duplicate(),
            VerdictKind::TwoProtocols => self.next_two_protocols(),
            VerdictKind::ForeignMaster => self.next_foreign(),
            VerdictKind::SlowAdapter => self.next_slow(),
            VerdictKind::LineFixed => self.next_fixed(),
            VerdictKind::MachineBusy => self.next_busy(),
        }
    }

    /// Why something was not searched.
    pub fn survey_gap(self, gap: &NotSearched) -> &'static str {
        match gap.why {
            Gap::WholeNumberOnly => self.gap_whole_number(),
            // The older edition is not searched by parts of numbers, whatever is asked for.
            Gap::ShortAddresses if gap.what.starts_with(SurveyProtocol::Dlt645v1997.as_str()) => {
                self.gap_short_1997()
            }
            Gap::ShortAddresses => self.gap_short(),
            Gap::Budget => self.gap_budget(),
            Gap::Together => self.gap_together(),
            Gap::Settings => self.gap_settings(),
            Gap::FoundEnough => self.gap_enough(),
            Gap::Babble => self.gap_babble(),
            Gap::UnusualAddress => self.gap_unusual(),
            Gap::MachineBusy => self.gap_busy(),
        }
    }

    /// How a survey ended.
    pub fn survey_end(self, end: &SurveyEnd) -> &'static str {
        match end {
            SurveyEnd::Whole => self.survey_whole(),
            SurveyEnd::Enough => self.survey_enough(),
            SurveyEnd::Stopped => self.survey_stopped(),
            SurveyEnd::Broken(_) => self.survey_broken(),
        }
    }

    /// A length of time of a survey.
    pub fn survey_span(self, seconds: u32) -> String {
        self.survey_time(seconds / 60, seconds % 60)
    }

    /// What a verdict rests on, on one line.
    pub fn evidence(self, verdict: &Verdict) -> String {
        let mut parts = Vec::new();
        if verdict.kind == VerdictKind::InOrder {
            parts.push(self.evidence_meters(verdict.count));
        } else if counted(verdict.kind) {
            parts.push(self.evidence_count(verdict.count));
        }
        if !verdict.about.is_empty() {
            parts.push(verdict.about.clone());
        }
        if let Some(time) = verdict.time_us {
            parts.push(self.evidence_time(&millis(time)));
        }
        if !verdict.bytes.is_empty() {
            parts.push(self.evidence_bytes(&hex(&verdict.bytes)));
        }
        parts.join(self.list_comma())
    }

    /// What is odd about a meter, if anything.
    pub fn meter_note(self, meter: &SurveyMeter) -> &'static str {
        match meter {
            SurveyMeter { doubled: 2.., .. } => self.survey_doubled(),
            SurveyMeter { turnaround_us: None, .. } => self.survey_not_timed(),
            _ => "",
        }
    }
}

/// Whether the number says more than the words behind it.
fn counted(kind: VerdictKind) -> bool {
    let told = [VerdictKind::LineFixed, VerdictKind::DuplicateAddress, VerdictKind::TwoProtocols];
    !told.contains(&kind)
}

/// Milliseconds with one decimal.
pub fn millis(micros: u32) -> String {
    let tenths = micros.saturating_add(50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Bytes as people write them.
pub fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

/// The whole survey as a spreadsheet; boxes of many users have a sheet where there are any.
pub fn book(lang: Lang, view: &SurveyView, name: String) -> Book {
    let mut sheets = vec![meters(lang, view), verdicts(lang, view), gaps(lang, view)];
    if !view.boxes.is_empty() {
        sheets.push(survey_boxes::sheet(lang, view));
    }
    Book { name, sheets }
}

fn heads(heads: &[&str]) -> Vec<String> {
    heads.iter().map(|head| (*head).to_owned()).collect()
}

fn text(text: impl Into<String>) -> SheetCell {
    SheetCell::Text(text.into())
}

fn time(micros: Option<u32>) -> SheetCell {
    micros.map_or(SheetCell::Empty, |us| SheetCell::Number(f64::from(us / 100) / 10.0))
}

/// The sheet of meters.
pub fn meters(lang: Lang, view: &SurveyView) -> Sheet {
    let row = |meter: &SurveyMeter| {
        vec![
            text(meter.protocol.as_str()),
            text(meter.address.as_str()),
            text(meter.line.as_str()),
            time(meter.turnaround_us),
            SheetCell::Number(meter.answers.into()),
            SheetCell::Number(meter.doubled.into()),
        ]
    };
    Sheet {
        name: lang.sheet_meters().to_owned(),
        head: heads(&[
            lang.column_protocol(),
            lang.column_address(),
            lang.column_settings(),
            lang.column_turnaround(),
            lang.column_answers(),
            lang.column_doubled(),
        ]),
        rows: view.meters.iter().map(row).collect(),
    }
}

/// The sheet of verdicts.
pub fn verdicts(lang: Lang, view: &SurveyView) -> Sheet {
    let row = |verdict: &Verdict| {
        vec![
            text(lang.verdict(verdict.kind)),
            text(verdict.kind.as_str()),
            SheetCell::Number(verdict.count.into()),
            time(verdict.time_us),
            text(verdict.about.as_str()),
            text(hex(&verdict.bytes)),
            text(lang.verdict_next(verdict.kind)),
        ]
    };
    Sheet {
        name: lang.sheet_verdicts().to_owned(),
        head: heads(&[
            lang.column_verdict(),
            lang.column_name(),
            lang.column_count(),
            lang.column_time(),
            lang.column_about(),
            lang.column_bytes(),
            lang.column_next(),
        ]),
        rows: view.verdicts.iter().map(row).collect(),
    }
}

fn gaps(lang: Lang, view: &SurveyView) -> Sheet {
    let rows = view.not_searched.iter();
    Sheet {
        name: lang.sheet_gaps().to_owned(),
        head: heads(&[lang.survey_not_searched(), lang.column_name(), lang.column_about()]),
        rows: rows
            .map(|gap| vec![text(lang.survey_gap(gap)), text(gap.why.as_str()), text(&*gap.what)])
            .collect(),
    }
}
