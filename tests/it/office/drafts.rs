//! Sales that were prepared and not issued: they hold nothing, and become one token, once.

use meterkit::office::{Deed, Draft, OfficeError, Order, TokenAsk};
use meterkit::units::TokenId;

use super::cli::Place;
use super::desk::{Desk, METER, device, figure, meter};

fn order(amount: i64) -> Order {
    Order { meter: meter(METER), amount, device: device("hh-1"), days: 3 }
}

fn keep(desk: &Desk, order: &Order) -> Result<Draft, OfficeError> {
    desk.local.wait(desk.office().draft(order, Deed::RECHARGE, " paid tomorrow "))
}

fn issue(desk: &Desk, id: TokenId) -> Result<TokenId, &'static str> {
    let issued = desk.local.wait(desk.office().issue_draft(id));
    issued.map(|issued| issued.id).map_err(|error| error.code())
}

fn drafts(desk: &Desk) -> Vec<Draft> {
    desk.local.wait(desk.office().drafts()).unwrap()
}

fn desk() -> Desk {
    let desk = Desk::new();
    let _enrolled = desk.handheld("hh-1");
    desk.add_meter(METER);
    desk
}

#[test]
fn a_draft_holds_nothing_and_becomes_one_token() {
    let desk = desk();
    let draft = keep(&desk, &order(5_000)).unwrap();
    assert_eq!((draft.note.as_str(), draft.credit.value), ("paid tomorrow", 5_000));
    assert_eq!(drafts(&desk), std::slice::from_ref(&draft));
    assert_eq!(desk.local.wait(desk.office().today()).unwrap().drafts, 1);
    assert_eq!(figure(&desk.report(), "in-transit"), 0, "no money moves");
    // Its step is nobody's: what is issued meanwhile takes it.
    let first = desk.issue_to("hh-1", METER, 100);
    assert_eq!(issue(&desk, draft.id), Ok(draft.id), "under its own identity");
    let tokens = desk.local.wait(desk.office().tokens(&TokenAsk::default())).unwrap();
    let steps: Vec<_> = tokens.iter().map(|info| (info.row.id, info.row.count_before.0)).collect();
    let before = first.count_before.0;
    assert!(steps.contains(&(first.id, before)) && steps.contains(&(draft.id, before + 1)));
    assert_eq!(figure(&desk.report(), "in-transit"), 5_100);
    assert_eq!(issue(&desk, draft.id), Err("no-draft"), "once");
    assert_eq!(figure(&desk.report(), "in-transit"), 5_100);
    assert_eq!(drafts(&desk), []);
}

#[test]
fn what_could_not_be_issued_is_no_draft_and_what_cannot_any_more_stays_one() {
    let desk = desk();
    let stranger = Order { meter: meter("99"), ..order(100) };
    assert_eq!(keep(&desk, &stranger).unwrap_err().code(), "no-meter");
    assert_eq!(keep(&desk, &order(0)).unwrap_err().code(), "amount");
    let nobody = Order { device: device("hh-9"), ..order(100) };
    assert_eq!(keep(&desk, &nobody).unwrap_err().code(), "no-device");
    assert_eq!(drafts(&desk), [], "nothing was kept");
    assert_eq!(figure(&desk.report(), "in-transit"), 0, "and nothing of the trial");
    let draft = keep(&desk, &order(100)).unwrap();
    let other = desk.handheld("hh-2");
    desk.issue_to("hh-2", METER, 700);
    assert_eq!(issue(&desk, draft.id), Err("chain-elsewhere"), "the chain is with another one");
    assert_eq!(drafts(&desk), [draft]);
    drop(other);
}

#[test]
fn a_dropped_draft_is_never_issued() {
    let desk = desk();
    let draft = keep(&desk, &order(100)).unwrap();
    desk.local.wait(desk.office().drop_draft(draft.id)).unwrap();
    assert_eq!(issue(&desk, draft.id), Err("no-draft"));
    let again = desk.local.wait(desk.office().drop_draft(draft.id));
    assert_eq!(again.unwrap_err().code(), "no-draft");
    assert_eq!(figure(&desk.report(), "in-transit"), 0);
}

#[test]
fn two_desks_at_once_issue_a_draft_once() {
    let desk = desk();
    let draft = keep(&desk, &order(100)).unwrap();
    let office = desk.office();
    let (one, two, gone) = desk.local.wait(async {
        tokio::join!(
            office.issue_draft(draft.id),
            office.issue_draft(draft.id),
            office.drop_draft(draft.id)
        )
    });
    let done = [one.is_ok(), two.is_ok(), gone.is_ok()];
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
    let sold = if done[2] { 0 } else { 100 };
    assert_eq!(figure(&desk.report(), "in-transit"), sold);
}

#[test]
fn by_command() {
    let place = Place::founded();
    place.good(&["meter", "add", "47", "--account", "1", "--customer", "Li", "--location", "B2"]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    place.good(&["enrol", "hh-1", "--operator", "li", "--out", &place.path("hh.mke")]);
    let sale = ["issue", "--meter", "47", "--amount", "10.00", "--device", "hh-1", "--draft"];
    let kept = place.good(&[&sale[..], &["--note", "paid tomorrow"]].concat());
    let (id, other) = (kept["draft"].as_str().unwrap(), place.good(&sale));
    let listed = place.good(&["draft", "list"]);
    let listed = listed["drafts"].as_array().unwrap();
    assert!(listed.len() == 2 && listed.contains(&kept) && listed.contains(&other));
    assert_eq!(kept["note"], "paid tomorrow");
    let token = place.good(&["draft", "issue", id]);
    assert_eq!((&token["token"], &token["amount"]), (&kept["draft"], &kept["amount"]));
    assert_eq!(place.run(&["draft", "issue", id]).0["error"], "no-draft");
    place.good(&["draft", "drop", other["draft"].as_str().unwrap()]);
    assert_eq!(place.good(&["draft", "list"])["drafts"], serde_json::json!([]));
    assert_eq!(place.good(&["ledger"])["sum_zero"], true);
}
