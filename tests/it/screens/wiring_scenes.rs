//! The scenes of a wiring check whose verdict rests on a word about the load: the question, and the
//! drawing.

use super::work_scenes::{commissioned, list, work};
use super::{Hand, keep, states};
use meterkit::jobs::errand::{Ask, Row, Sheet, Sign};
use meterkit::jobs::views::Update;
use meterkit::report::Code;
use meterkit::tui::event::Key;
use rstest::rstest;

/// A commissioning where all rests on a word about the load.
fn likely() -> Sheet {
    let mut sheet = commissioned(true);
    sheet.rows.truncate(3);
    let why = states::failure(Code::WiringUnsure, "wiring-likely-right");
    sheet.rows.extend([
        Row::new(Sign::Bad, "comm-wiring", "").because(why),
        Row::info("comm-finding", "wiring-likely-right"),
        Row::info("comm-confidence", "confidence-word"),
        Row::info("comm-likely-if", "if-resistive"),
        Row::info("comm-likely", "wiring-right"),
        Row::info("comm-confirm", "confirm-by-phases"),
        Row::info("comm-doubts", "explains-several"),
        Row::info("comm-twins", "currents-moved-2+current-reversed-a+current-reversed-b"),
    ]);
    let answers = &["comm-measure", "comm-again", "comm-on-word", "comm-skip"];
    sheet.ask = Ask::Choice("comm-word", answers);
    sheet.exit = Some(Code::WorkPartial);
    sheet
}

fn ask_likely(hand: &mut Hand) {
    list(hand);
    hand.types("9");
    hand.tell(Update::WorkShown { work: work(3), result: Ok(Box::new(likely())) });
}

fn drawn_likely(hand: &mut Hand) {
    ask_likely(hand);
    hand.press(Key::F(3));
}

#[rstest]
#[case("wiring_likely", drawn_likely)]
#[case("work_ask_likely", ask_likely)]
fn a_screen_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand)) {
    keep(name, play);
}
