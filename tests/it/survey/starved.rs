//! A machine with too much to do: the clock of the line jumps while the survey waits, and so do
//! the meters' answers where meters are simulated on the same machine.

use std::time::Duration;

use super::bus::{MS, Modbus, Street, line, meters_645, random_numbers};
use super::{addresses, kinds, only, run, verdict};
use meterkit::jobs::views::{Gap, SurveyPlan, SurveyProtocol, VerdictKind};
use meterkit::transport::{LineSettings, Link, LinkError, Random, Timing, VirtualLink};

const DLT: LineSettings = LineSettings::even(2400);
const MODBUS: LineSettings = LineSettings::plain(9600);

/// A line on a machine that is starved until a moment: waits end late by up to `longest`, and
/// meters begin late by up to `stall`.
struct Starved {
    inner: VirtualLink<Street>,
    until: Duration,
    longest: Duration,
    stall: (Duration, Duration),
    random: Random,
}

impl Starved {
    fn new(inner: VirtualLink<Street>, until: Duration, longest: Duration, seed: u64) -> Self {
        let stall = (Duration::ZERO, longest);
        Self { inner, until, longest, stall, random: Random::new(seed) }
    }

    fn starved(&self) -> bool {
        self.inner.now() < self.until
    }
}

impl Link for Starved {
    fn now(&self) -> Duration {
        self.inner.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let (least, most) = if self.starved() { self.stall } else { NONE };
        self.inner.station_mut().stalled = self.random.between(least, most);
        self.inner.send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        // Whoever has the processor sleeps on; bytes gather in the port meanwhile. A look at what
        // is there needs no waking up.
        if self.starved() && deadline > self.now() && self.random.below(4) == 0 {
            let jump = self.random.between(Duration::ZERO, self.longest);
            let past = deadline.saturating_sub(self.now()) + jump;
            self.inner.advance(past);
            return self.inner.recv(buffer, self.inner.now());
        }
        self.inner.recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.inner.timing()
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        self.inner.tune(settings)
    }
}

const EVER: Duration = Duration::MAX;
/// No answer of that age comes while a test runs.
const NEVER: Duration = Duration::from_secs(86_400);
const NONE: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);

#[test]
fn a_starved_machine_finds_what_is_there() {
    for seed in 1..=12 {
        let numbers = random_numbers(seed, 6);
        let mut expected: Vec<String> = numbers.iter().map(|no| format!("{no:012}")).collect();
        expected.sort();
        let inner = line(meters_645(&numbers, seed, 60 * MS), DLT);
        let mut link = Starved::new(inner, EVER, 900 * MS, seed);
        let found = run(&mut link, DLT, &SurveyPlan::default());
        assert_eq!(addresses(&found.view), expected, "seed {seed}");
        let told = kinds(&found.view);
        assert!(told.contains(&VerdictKind::InOrder), "seed {seed}: {told:?}");
        for never in [VerdictKind::SlowAdapter, VerdictKind::DuplicateAddress] {
            assert!(!told.contains(&never), "seed {seed}: {told:?}");
        }
    }
}

#[test]
fn modbus_meters_are_found_on_a_starved_machine() {
    for seed in 1..=6 {
        let meters = [1, 2, 77, 200].map(|unit| Modbus::new(unit, 30 * MS));
        let street = Street { modbus: meters.to_vec(), ..Street::default() };
        let mut link = Starved::new(line(street, MODBUS), EVER, 300 * MS, seed);
        let found = run(&mut link, MODBUS, &only(SurveyProtocol::Modbus, MODBUS));
        assert_eq!(addresses(&found.view), ["1", "2", "77", "200"], "seed {seed}");
        assert!(!kinds(&found.view).contains(&VerdictKind::DuplicateAddress), "seed {seed}");
    }
}

/// Nobody listened, so nobody can say that nobody spoke.
#[test]
fn what_could_not_be_judged_is_never_called_silent() {
    let plan = only(SurveyProtocol::Dlt645, DLT);
    let street = meters_645(&[7], 1, 30 * MS);
    let mut link = Starved::new(line(street, DLT), EVER, 2500 * MS, 3);
    // What runs the meters gets no time at all.
    link.stall = (NEVER, NEVER);
    let found = run(&mut link, DLT, &plan);
    assert_eq!(addresses(&found.view), [""; 0]);
    let told = verdict(&found.view, VerdictKind::MachineBusy).unwrap();
    assert!(told.count >= 1 && told.time_us.unwrap() > 100_000, "{told:?}");
    assert!(verdict(&found.view, VerdictKind::Silent).is_none(), "{:?}", kinds(&found.view));
    let busy = found.view.not_searched.iter().find(|gap| gap.why == Gap::MachineBusy).unwrap();
    assert_eq!(busy.what, "dlt645 2400-8E1");
}

/// What was not judged the first time is done once more at the end.
#[test]
fn a_machine_that_calms_down_is_judged_after_all() {
    let plan = only(SurveyProtocol::Dlt645, DLT);
    let numbers = random_numbers(8, 3);
    let mut judged = 0;
    for seed in 1..=20 {
        let inner = line(meters_645(&numbers, 1, 30 * MS), DLT);
        let mut link = Starved::new(inner, Duration::from_secs(20), 2500 * MS, seed);
        link.stall = (NEVER, NEVER);
        let found = run(&mut link, DLT, &plan);
        judged += usize::from(found.view.meters.len() == 3);
        let told = kinds(&found.view);
        assert!(!told.contains(&VerdictKind::Silent), "seed {seed}: {told:?}");
    }
    assert!(judged >= 15, "{judged} of 20");
}

#[test]
fn an_idle_machine_pays_nothing_and_says_silent() {
    let plan = only(SurveyProtocol::Modbus, MODBUS);
    let calm = run(&mut line(Street::default(), MODBUS), MODBUS, &plan);
    let mut link = Starved::new(line(Street::default(), MODBUS), EVER, 15 * MS, 1);
    link.stall = NONE;
    let busy = run(&mut link, MODBUS, &plan);
    assert_eq!(kinds(&calm.view), [VerdictKind::Silent]);
    assert_eq!(kinds(&busy.view), [VerdictKind::Silent]);
    assert_eq!(calm.view.frames, busy.view.frames, "15 ms late is an ordinary machine");
}
