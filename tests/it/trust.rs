//! Trust, end to end against simulated meters: who may recharge what, when trust runs out, what the
//! limits let through, and that none of it ever stands in the way of "what happened?".

mod clocks;
mod door;
mod enrol;
mod limits;
mod people;

use meterkit::jobs::recharge::Checked;
use meterkit::jobs::views::{Failure, FinishedView, PreflightView, Standing, TrustView};
use meterkit::jobs::{Moment, session};
use meterkit::report::Code;
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::store::{Event, TokenState};
use meterkit::transport::{Faults, Line, LineSettings};
use meterkit::units::{AccountNo, Decision, MeterNo, Outcome, TokenId, UnixSeconds};

use crate::stories::site::{Order, Site};

/// Seconds of an hour.
const HOUR: i64 = 3_600;

/// Three meters, each with its clock this far off.
fn site_off(clock_offset_s: [i64; 3]) -> Site {
    let meters = clock_offset_s.iter().zip(1u64..).map(|(offset, at)| {
        let setup = MeterSetup {
            clock_offset_s: *offset,
            ..MeterSetup::opened(meter(at), account(at), 10_000, 6)
        };
        Meter::new(setup, meterkit::sim::DEFAULT_START.parse().unwrap(), at)
    });
    let mut site =
        Site::new(Fleet::new(meters.collect()), Line::new(LineSettings::even(9600), Faults::NONE));
    site.renews = false;
    site
}

fn site() -> Site {
    site_off([0; 3])
}

fn meter(at: u64) -> MeterNo {
    at.to_string().parse().unwrap()
}

fn account(at: u64) -> AccountNo {
    format!("{:012}", 330_000_000_000 + at).parse().unwrap()
}

/// A token that fits a meter now, by the fleet's own truth.
fn token(site: &mut Site, at: u64, amount: i64) -> TokenId {
    let count = site.fleet.lock().unwrap().meter(meter(at)).unwrap().count();
    let now = site.now().0 - crate::stories::site::BASE;
    let order = Order {
        not_before: now - 60,
        expires: now + 6 * 86_400,
        ..Order::new(meter(at), account(at), count, amount)
    };
    let (id, bytes) = site.sign(&order);
    // Taken in as the office's keys allow; whether it may be used is what is tested.
    let done = meterkit::jobs::tokens::import_bytes(&site.store, &site.stamp(), &bytes);
    assert_eq!(done.taken, [id], "{:?}", done.refused);
    id
}

/// Recharges a meter; the decision or the code of the refusal.
fn recharge(site: &mut Site, at: u64, amount: i64) -> Result<Decision, Code> {
    let id = token(site, at, amount);
    use_token(site, id).map(|done| done.decision).map_err(|failure| failure.code)
}

/// Recharges with a token; what is refused must have sent nothing, and be in the journal.
fn use_token(site: &mut Site, id: TokenId) -> Result<FinishedView, Failure> {
    site.trace = Some(Vec::new());
    let done = site.recharge(id, |_| {});
    let sent = site.trace.take().unwrap();
    let money = |bytes: &[u8]| {
        bytes.windows(9).any(|head| matches!(head, [0x68, _, _, _, _, _, _, 0x68, 0x03]))
    };
    let frames = sent.iter().filter(|(received, bytes)| !received && money(bytes)).count();
    match &done {
        Ok(_) => assert_eq!(frames, 1),
        Err(failure) => {
            assert_eq!(frames, 0, "refused, and yet something was sent: {failure:?}");
            let last = site.store.events(site.store.summary().head.seq, 1).remove(0);
            let Event::Refused { code, token, .. } = last.event else { panic!("{last:?}") };
            assert_eq!((code.as_str(), token), (failure.code.as_str(), Some(id)));
            let state = site.store.token(id).unwrap().state;
            assert!(matches!(state, TokenState::Cached | TokenState::Withdrawn), "{state:?}");
        }
    }
    done
}

/// What a person would be shown before the recharge.
fn shown(site: &mut Site, id: TokenId) -> PreflightView {
    match site.preflight(id).unwrap() {
        Checked::Ready(ready) => ready.view,
        Checked::Settled(settled) => panic!("{settled:?}"),
    }
}

fn trust(site: &Site) -> TrustView {
    session::trust(&site.store, &site.session, &site.stamp())
}

/// The standing and the code of its gravest reason.
fn standing(site: &Site) -> (Standing, Option<Code>) {
    let trust = trust(site);
    (trust.standing, trust.reasons.first().map(|reason| reason.code))
}

/// An intent without a known outcome: the meter dies right after it booked.
fn leave_open(site: &mut Site, at: u64) {
    use meterkit::sim::Fault;
    use std::time::Duration;
    let id = token(site, at, 700);
    let done = site.recharge(id, |site| {
        let fault = Fault::RebootAfter(Duration::from_secs(600));
        site.fleet.lock().unwrap().meter_mut(meter(at)).unwrap().arm(fault);
    });
    assert_eq!(done.unwrap().decision, Decision::Unreachable);
    site.pass(Duration::from_secs(700));
}

/// Reading, and "what happened?", whatever the trust: nothing may stand in their way.
fn still_reads_and_resolves(site: &mut Site, open: u64) {
    use meterkit::jobs::read;
    let card = site.errand(|_, line| read::quick_read(line, meter(open))).unwrap().0;
    assert_eq!(card.missing, Vec::<&str>::new());
    assert_eq!(site.resolve(meter(open)).unwrap().outcome(), Outcome::Accepted);
}

/// The office tells its time, as an exchange journals it.
fn office_tells(site: &mut Site, server: i64) {
    let server = UnixSeconds(server);
    site.store.append(&site.stamp(), Event::TimeAnchor { server }).unwrap();
}

/// The office acknowledges everything.
fn acknowledge(site: &mut Site, number: u64) {
    let acked = site.store.summary().head;
    site.store.append(&site.stamp(), Event::ReceiptStored { number, acked }).unwrap();
}

fn moment(site: &Site) -> Moment {
    site.moment()
}
