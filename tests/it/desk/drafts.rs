//! What the desk says before a token is issued is what the office does: of a draft, too.

use meterkit::desk::act::Act;
use meterkit::desk::page::{Cell, Page, Part};
use meterkit::desk::worker::{Request, Update, answer};
use meterkit::office::{Deed, Order};
use meterkit::units;

use crate::office::desk::{Desk, METER, device, meter};

fn check(desk: &Desk, act: Act) -> Page {
    match desk.local.wait(answer(desk.office(), &Request::Check(act))) {
        Update::Checked(_, Ok(page)) => page,
        other => panic!("{other:?}"),
    }
}

fn told(page: &Page, name: &str) -> Option<String> {
    let facts = page.parts.iter().filter_map(|part| match part {
        Part::Facts(facts) => Some(facts),
        _ => None,
    });
    let fact = facts.flatten().find(|fact| fact.name == name)?;
    match &fact.cell {
        Cell::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn order() -> Order {
    Order { meter: meter(METER), amount: 100, device: device("hh-1"), days: 3 }
}

fn sale() -> Act {
    let kind = units::Act::Recharge;
    let Order { meter, amount, device, days } = order();
    Act::Issue { meter, kind, amount, device, days, undoes: None }
}

/// The command issues to a handheld that was offered and has not enrolled; so does the desk.
#[test]
fn only_a_stopped_handheld_is_refused() {
    let desk = Desk::new();
    desk.add_meter(METER);
    let _offered = desk.offer("hh-1", "http://127.0.0.1:1");
    assert!(!check(&desk, sale()).refused);
    assert!(!check(&desk, Act::Draft(Box::new(sale()))).refused);
    desk.local.wait(desk.office().quarantine(&device("hh-1"))).unwrap();
    assert!(check(&desk, sale()).refused);
    assert!(check(&desk, Act::Draft(Box::new(sale()))).refused);
}

/// A draft of an opening names an account the list does not: that one is shown.
#[test]
fn a_draft_is_checked_with_the_account_it_opens() {
    let desk = Desk::new();
    desk.add_meter(METER);
    let _handheld = desk.handheld("hh-1");
    let new = "000000777777".parse().unwrap();
    let deed = Deed { account: Some(new), ..Deed::of(units::Act::Open) };
    let draft = desk.local.wait(desk.office().draft(&order(), deed, "")).unwrap().id;
    let page = check(&desk, Act::IssueDraft { draft });
    assert_eq!(told(&page, "account").as_deref(), Some("000000777777"));
}
