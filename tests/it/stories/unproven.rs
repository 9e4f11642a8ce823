//! Meters whose rows are not proven: refused before a byte, and with somebody's word only with a
//! trace of it on the screen and in the journal.

use meterkit::jobs::proven::Accepted;
use meterkit::jobs::recharge::{self, Checked};
use meterkit::jobs::views::Failure;
use meterkit::profile::Profile;
use meterkit::report::Code;
use meterkit::sim::{Fleet, Layout, Meter, MeterSetup};
use meterkit::store::{Acceptance, Event, TokenState};
use meterkit::transport::{Faults, Line, LineSettings};
use meterkit::units::{Decision, MeterNo, TokenId, Verb};

use super::site::{Order, Site};

fn meter() -> MeterNo {
    "47".parse().unwrap()
}

/// A site with a meter of KO and a token for it.
fn site() -> (Site, TokenId) {
    let account = "112233445566".parse().unwrap();
    let mut setup = MeterSetup::opened(meter(), account, 1_000, 6);
    setup.layout = Layout::Ko;
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
    let mut site = Site::new(fleet, Line::new(LineSettings::even(2400), Faults::NONE));
    site.profile = Profile::built_in("ko").unwrap();
    let token = site.issue(&Order::new(meter(), account, 6, 5_000));
    (site, token)
}

fn ready(site: &mut Site, token: TokenId) -> Result<Box<recharge::Preflight>, Failure> {
    match site.preflight(token)? {
        Checked::Ready(ready) => Ok(ready),
        Checked::Settled(view) => panic!("nothing was sent yet: {view:?}"),
    }
}

/// The journal from this entry on.
fn after(site: &Site, seq: u64) -> Vec<Event> {
    site.store.events(seq + 1, 100).into_iter().map(|entry| entry.event).collect()
}

#[test]
fn nothing_is_even_read_before_somebody_says_that_it_is_meant() {
    let (mut site, token) = site();
    site.accepted = Accepted::new(&["kede".to_owned()], &["ko-2018".to_owned()]);
    site.trace = Some(Vec::new());
    let seq = site.store.summary().head.seq;
    let refused = ready(&mut site, token).unwrap_err();
    assert_eq!(refused.code, Code::WriteUnproven);
    for said in ["ko: [money] C < B", "column KO old"] {
        assert!(refused.detail.contains(said), "{refused:?}");
    }
    assert_eq!(site.trace.as_deref(), Some(&[][..]), "not a byte on the line");
    let kept = after(&site, seq);
    let [Event::Refused { code, .. }] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!(code, "MK-METER-15");
    assert_eq!(site.store.token(token).unwrap().state, TokenState::Cached);
}

#[test]
fn a_word_is_shown_before_and_journaled_with_the_act() {
    for (configured, asked, by, shown) in [
        (vec!["ko".to_owned()], vec![], Acceptance::Configured, "unproven_writes"),
        (vec![], vec!["ko".to_owned()], Acceptance::Asked, "--accept-unproven"),
    ] {
        let (mut site, token) = site();
        site.accepted = Accepted::new(&configured, &asked);
        let ready = ready(&mut site, token).unwrap();
        let warning = ready.view.warnings.last().unwrap();
        assert_eq!(warning.code, Code::WriteUnproven);
        assert!(warning.detail.ends_with(shown), "{warning:?}");
        let seq = site.store.summary().head.seq;
        let done = site.commit(&ready, "0047").unwrap();
        assert_eq!(done.decision, Decision::Confirmed);
        let kept = after(&site, seq);
        let profile = "ko".to_owned();
        let (meter, verb) = (meter(), Verb::Recharge);
        let event = Event::UnprovenAccepted { meter, verb, profile, confidence: 'C', by };
        assert_eq!(kept[0], event, "before the intent");
        assert!(matches!(kept[1], Event::Intent { .. }), "{kept:?}");
    }
}

#[test]
fn a_word_that_is_taken_back_before_the_confirmation_counts() {
    let (mut site, token) = site();
    site.accepted = Accepted::new(&["ko".to_owned()], &[]);
    let ready = ready(&mut site, token).unwrap();
    site.accepted = Accepted::default();
    assert_eq!(site.commit(&ready, "0047").unwrap_err().code, Code::WriteUnproven);
    assert_eq!(site.store.open_intent(meter()), None);
}
