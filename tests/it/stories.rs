//! Errands told in TOML (`fixtures/stories`), through the real store, jobs, protocol and simulated
//! meters.
//!
//! A story has one meter (number 47) and its tokens, steps with what each must come to, and what
//! must be true in the end: in the meter's ghost ledger, in the journal, and of every token. The
//! meter speaks DL/T 645-2007, or Modbus where the story says so.

mod engine;
mod errand_spec;
mod errands;
pub mod modbus;
#[cfg(feature = "serial")]
mod plugs;
#[cfg(feature = "office")]
mod rounds;
pub mod site;
mod unproven;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use meterkit::jobs::journal::{self, decision_name};
use meterkit::jobs::views::{Failure, FinishedView, Stage};
use meterkit::jobs::{proven, tokens};
use meterkit::profile::{MoneyAt, Profile};
use meterkit::sim::{Amount, Fault, Fleet, Layout, Meter, MeterSetup};
use meterkit::store::{Event, TokenState};
use meterkit::transport::{Faults, Line, LineSettings, Link};
use meterkit::units::{AccountNo, MeterNo, Money, TokenId};
use meterkit_tokens::Unit;
use serde::Deserialize;

use site::{Order, Site};

const METER: &str = "000000000047";
const ACCOUNT: &str = "112233445566";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    name: String,
    #[serde(default)]
    fleet: MeterSpec,
    token: Vec<TokenSpec>,
    #[serde(default)]
    step: Vec<Step>,
    ledger: Ledger,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MeterSpec {
    balance: String,
    count: u32,
    opened: bool,
    overdraft_limit: Option<String>,
    hoard_limit: Option<String>,
    load_w: u32,
    layout: Option<String>,
    profile: Option<String>,
    /// As in the configuration.
    unproven_writes: Vec<String>,
    /// `false`: the profile does not know where the meter keeps its limit.
    profile_hoard: bool,
    /// A Modbus meter of this variant instead.
    modbus: Option<String>,
    /// The number and account that are really behind the story's meter.
    behind: Option<String>,
    account: Option<String>,
    /// The adapter hands back what it sends.
    echo: bool,
}

impl Default for MeterSpec {
    fn default() -> Self {
        Self {
            balance: "10.00".to_owned(),
            count: 6,
            opened: true,
            overdraft_limit: None,
            hoard_limit: None,
            load_w: 800,
            layout: None,
            profile: None,
            unproven_writes: Vec::new(),
            profile_hoard: true,
            modbus: None,
            behind: None,
            account: None,
            echo: false,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenSpec {
    id: String,
    meter: Option<String>,
    account: Option<String>,
    count: Option<u32>,
    amount: Option<String>,
    unit: Option<String>,
    device: Option<String>,
    tenant: Option<String>,
    not_before_s: Option<i64>,
    expires_s: Option<i64>,
    max_balance: Option<String>,
    #[serde(default)]
    caps: u32,
    /// `flip`, `cut` or `pad` the bytes.
    spoil: Option<String>,
    /// The code the import must fail with.
    import: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Between {
    #[serde(default)]
    faults: Vec<String>,
    late_frame: Option<String>,
    pass_s: Option<u64>,
    #[serde(default)]
    unplug: bool,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    Recharge {
        token: String,
        digits: Option<String>,
        #[serde(default)]
        between: Between,
        cancel_at: Option<String>,
        ends: Option<String>,
        code: Option<String>,
        expected: Option<String>,
        sends: Option<usize>,
        refusal: Option<u16>,
    },
    Resolve {
        ends: Option<String>,
        code: Option<String>,
    },
    Settle {
        token: String,
        booked: bool,
    },
    LateFrame {
        amount: String,
    },
    Pass {
        seconds: u64,
    },
    Plug,
    Restart,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    bookings: usize,
    count: Option<u32>,
    #[serde(default)]
    torn: usize,
    #[serde(default)]
    tokens: BTreeMap<String, String>,
    /// The detail of the journal's last entry.
    journal_ends: Option<String>,
}

fn fen(text: &str) -> i64 {
    Money::parse(text).unwrap_or_else(|| panic!("not an amount: {text}")).0
}

fn fault(name: &str) -> Fault {
    let down = Duration::from_secs(5);
    match name {
        "lost-ack" => Fault::LostAck,
        "slow" => Fault::Slow(Duration::from_millis(2_600)),
        "garbled" => Fault::Garbled,
        "reboot-before" => Fault::RebootBefore(down),
        "reboot-after" => Fault::RebootAfter(down),
        "torn-write" => Fault::TornWrite(down),
        "counter-reset" => Fault::CounterReset { account: None },
        "die-after-booking" => Fault::RebootAfter(Duration::from_secs(3_600)),
        other => panic!("no such fault: {other}"),
    }
}

impl MeterSpec {
    /// Puts a Modbus meter on the site's line.
    fn modbus(&self, site: &mut Site, variant: &str) -> modbus::Shared {
        let own = |text: &Option<String>, usual: &str| text.clone().unwrap_or(usual.to_owned());
        let account = own(&self.account, ACCOUNT).parse().unwrap();
        let spec = modbus::Spec {
            meter: own(&self.behind, METER).parse().unwrap(),
            account: self.opened.then_some(account),
            balance: fen(&self.balance),
            count: self.count,
            load_w: self.load_w,
            echo: self.echo,
        };
        // A profile without money reads as any other: its meter has the money all the same.
        let (has, knows) = match variant {
            "none" => ("full", Profile::built_in("adf400l-1p").unwrap()),
            variant => (variant, modbus::profile(variant)),
        };
        let (link, shared) = modbus::line(&spec, &modbus::profile(has));
        site.profile = knows;
        site.other = Some(Box::new(link));
        shared
    }
}

/// A story being told.
struct Told {
    site: Site,
    /// The Modbus meter, if it is one.
    units: Option<modbus::Shared>,
    meter: MeterNo,
    tokens: BTreeMap<String, (TokenId, Order)>,
}

impl Told {
    fn begin(story: &Story) -> Self {
        let spec = &story.fleet;
        let (meter, account): (MeterNo, AccountNo) =
            (METER.parse().unwrap(), ACCOUNT.parse().unwrap());
        let mut setup = MeterSetup::opened(meter, account, fen(&spec.balance), spec.count);
        if !spec.opened {
            setup.account = None;
        }
        setup.load_w = spec.load_w;
        if let Some(limit) = &spec.overdraft_limit {
            setup.overdraft_limit = Amount(fen(limit));
        }
        if let Some(limit) = &spec.hoard_limit {
            setup.hoard_limit = Amount(fen(limit));
        }
        if spec.layout.as_deref() == Some("order") {
            setup.layout = Layout::Order;
        }
        let start = meterkit::sim::DEFAULT_START.parse().unwrap();
        let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
        let mut site = Site::new(fleet, Line::new(LineSettings::even(2400), Faults::NONE));
        if let Some(id) = &spec.profile {
            site.profile = Profile::built_in(id).unwrap();
            site.accepted = proven::Accepted::new(&spec.unproven_writes, &[]);
        }
        if !spec.profile_hoard {
            let rules = site.profile.money.as_mut().unwrap();
            let MoneyAt::Dlt645(money) = &mut rules.at else { panic!("another protocol") };
            money.hoard = None;
        }
        let units = spec.modbus.as_deref().map(|variant| spec.modbus(&mut site, variant));
        Self { site, units, meter, tokens: BTreeMap::new() }
    }

    fn take_in(&mut self, spec: &TokenSpec, place: i64) {
        let number = |text: &Option<String>, own: &str| text.clone().unwrap_or(own.to_owned());
        let mut order = Order::new(
            number(&spec.meter, METER).parse().unwrap(),
            number(&spec.account, ACCOUNT).parse().unwrap(),
            spec.count.unwrap_or(6),
            spec.amount.as_deref().map_or(4_000 + place, fen),
        );
        if spec.unit.as_deref() == Some("kwh") {
            order.unit = Unit::Kwh;
        }
        order.device = number(&spec.device, &order.device);
        order.tenant = number(&spec.tenant, &order.tenant);
        order.not_before = spec.not_before_s.unwrap_or(order.not_before);
        order.expires = spec.expires_s.unwrap_or(order.expires);
        order.caps = spec.caps;
        order.max_balance = spec.max_balance.as_deref().map(fen);
        let (id, mut bytes) = self.site.sign(&order);
        match spec.spoil.as_deref() {
            Some("flip") => bytes[150] ^= 1,
            Some("cut") => bytes.truncate(100),
            Some("pad") => bytes.push(0),
            Some(other) => panic!("no such way to spoil: {other}"),
            None => {}
        }
        let done = tokens::import_bytes(&self.site.store, &self.site.stamp(), &bytes);
        let refused: Vec<&str> = done.refused.iter().map(|f| f.code.as_str()).collect();
        let expect: Vec<&str> = spec.import.iter().map(String::as_str).collect();
        assert_eq!(refused, expect, "import of {}: {:?}", spec.id, done.refused);
        assert_eq!(self.site.store.token(id).is_some(), spec.import.is_none(), "{}", spec.id);
        self.tokens.insert(spec.id.clone(), (id, order));
    }

    fn late_frame(&mut self, amount: &str) {
        let (meter, account) = (METER.parse().unwrap(), ACCOUNT.parse().unwrap());
        let order = Order::new(meter, account, 6, fen(amount));
        match &self.units {
            Some(units) => modbus::late_frame(units, &order, self.site.tick()),
            None => self.site.late_frame(&order),
        }
    }

    fn meddle(&mut self, between: &Between) {
        for name in &between.faults {
            match &self.units {
                Some(units) => modbus::arm(units, fault(name)),
                None => {
                    let mut fleet = self.site.fleet.lock().unwrap();
                    fleet.meter_mut(self.meter).unwrap().arm(fault(name));
                }
            }
        }
        if let Some(amount) = &between.late_frame {
            self.late_frame(amount);
        }
        self.site.pass(Duration::from_secs(between.pass_s.unwrap_or(0)));
        if between.unplug {
            self.site.unplug();
        }
    }

    /// How many money frames left.
    fn sends(&mut self) -> usize {
        let trace = self.site.trace.replace(Vec::new()).unwrap_or_default();
        let by_dlt645 = |bytes: &[u8]| bytes.windows(2).any(|pair| pair == [0x68, 0x03]);
        let is_money = if self.units.is_some() { modbus::is_money } else { by_dlt645 };
        trace.iter().filter(|(received, bytes)| !received && is_money(bytes)).count()
    }

    fn step(&mut self, step: &Step, at: &str) {
        match step {
            Step::Recharge { token, .. } => {
                let id = self.tokens[token].0;
                self.recharge(step, id, at);
            }
            Step::Resolve { ends, code } => {
                let result = self.site.resolve(self.meter);
                check(&result, ends.as_deref(), code.as_deref(), at);
            }
            Step::Settle { token, booked } => {
                let id = self.tokens[token].0;
                let event =
                    Event::Resolved { token: id, meter: self.meter, by: 1, booked: *booked };
                self.site.store.append(&self.site.stamp(), event).unwrap();
            }
            Step::LateFrame { amount } => self.late_frame(amount),
            Step::Pass { seconds } => self.site.pass(Duration::from_secs(*seconds)),
            Step::Plug => self.site.plug(),
            Step::Restart => self.site.restart(),
        }
    }

    fn recharge(&mut self, step: &Step, id: TokenId, at: &str) {
        let Step::Recharge {
            digits, between, cancel_at, ends, code, expected, sends, refusal, ..
        } = step
        else {
            return;
        };
        use meterkit::jobs::recharge::Checked;
        self.sends();
        let result = match self.site.preflight(id) {
            Err(failure) => Err(failure),
            Ok(Checked::Settled(settled)) => Ok(*settled),
            Ok(Checked::Ready(ready)) => {
                if let Some(expected) = expected {
                    assert_eq!(ready.view.expected_balance.value, fen(expected), "{at}");
                }
                self.meddle(between);
                self.site.cancel_at = match cancel_at.as_deref() {
                    None => None,
                    Some("reading-back") => Some(Stage::ReadingBack),
                    Some(other) => panic!("{at}: no such stage: {other}"),
                };
                let face = digits.clone().unwrap_or_else(|| METER[8..].to_owned());
                self.site.commit(&ready, &face)
            }
        };
        self.site.cancel_at = None;
        check(&result, ends.as_deref(), code.as_deref(), at);
        if let (Some(word), Ok(finished)) = (refusal, &result) {
            assert_eq!(finished.refusal, Some(*word), "{at}");
        }
        let sent = self.sends();
        if result.is_err() {
            assert_eq!(sent, 0, "{at}: refused, and yet something was sent");
        }
        if let Some(sends) = sends {
            assert_eq!(sent, *sends, "{at}: frames sent");
        }
    }

    /// Ghost truth: credits booked, credits torn, the meter's count.
    fn truth(&self) -> (usize, usize, u32) {
        if let Some(units) = &self.units {
            let bus = units.lock();
            bus.audit().unwrap();
            let meter = &bus.meters()[0];
            return (meter.bookings().len(), meter.torn_writes().len(), meter.count());
        }
        let fleet = self.site.fleet.lock().unwrap();
        let meter = fleet.meter(self.meter).unwrap();
        meter.audit().unwrap();
        (meter.bookings().len(), meter.torn_writes().len(), meter.count())
    }

    fn end(&mut self, ledger: &Ledger) {
        let (bookings, torn, count) = self.truth();
        assert_eq!(bookings, ledger.bookings, "credits really booked");
        assert_eq!(torn, ledger.torn, "torn writes");
        if let Some(expected) = ledger.count {
            assert_eq!(count, expected, "the meter's count");
        }
        for (name, state) in &ledger.tokens {
            let row = self.site.store.token(self.tokens[name].0).unwrap();
            let shown = match row.state {
                TokenState::Cached => "cached",
                TokenState::Intent => "intent",
                TokenState::Accepted => "accepted",
                TokenState::NotApplied => "not-applied",
                TokenState::Raced => "raced",
                TokenState::Disputed => "disputed",
                TokenState::Withdrawn => "withdrawn",
            };
            assert_eq!(shown, state, "state of token {name}");
        }
        let (rows, _) = journal::page(&self.site.store, None, 1);
        if let Some(detail) = &ledger.journal_ends {
            assert_eq!(&rows[0].detail, detail, "the journal's last entry");
        }
        self.site.store.verify().unwrap();
    }
}

fn check(result: &Result<FinishedView, Failure>, ends: Option<&str>, code: Option<&str>, at: &str) {
    match (result, ends, code) {
        (Ok(finished), Some(ends), None) => {
            assert_eq!(decision_name(finished.decision), ends, "{at}: {finished:?}");
        }
        (Err(failure), None, Some(code)) => {
            assert_eq!(failure.code.as_str(), code, "{at}: {}", failure.detail);
        }
        (Ok(finished), ..) => panic!("{at}: ended {:?}", finished.decision),
        (Err(failure), ..) => panic!("{at}: {} {}", failure.code.as_str(), failure.detail),
    }
}

fn tell(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let story: Story =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut told = Told::begin(&story);
    for (place, token) in story.token.iter().enumerate() {
        told.take_in(token, place as i64);
    }
    told.site.trace = Some(Vec::new());
    for (number, step) in story.step.iter().enumerate() {
        told.step(step, &format!("{}, step {}", story.name, number + 1));
    }
    told.end(&story.ledger);
}

#[test]
fn every_story_ends_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The folder beside them has the longer errands.
    files.retain(|file| file.is_file());
    files.sort();
    assert!(files.len() >= 25, "stories are missing: {}", files.len());
    files.retain(|file| std::panic::catch_unwind(|| tell(file)).is_err());
    assert!(files.is_empty(), "{files:?}");
}

#[test]
fn a_port_that_serves_little_is_read_as_far_as_it_goes() {
    use meterkit::jobs::read;
    use meterkit::sim::{Port, Security};

    let (meter, account): (MeterNo, AccountNo) = (METER.parse().unwrap(), ACCOUNT.parse().unwrap());
    let opened = MeterSetup::opened(meter, account, 1_234, 6);
    let setup = MeterSetup { security: Security::Esam, port: Port::Infrared, ..opened };
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
    let mut site = Site::new(fleet, Line::new(LineSettings::even(1200), Faults::NONE));
    let (card, _) = site.errand(|_, line| read::quick_read(line, meter)).unwrap();
    assert_eq!(card.balance.map(|credit| credit.value), Some(1_234));
    assert!(card.energy.is_some() && matches!(card.drift_s, Some(-1..=0)), "{card:?}");
    assert_eq!(card.missing, ["count", "voltages", "currents", "power", "status"]);

    site.fleet.lock().unwrap().meter_mut(meter).unwrap().set_dead(true);
    let dead = site.errand(|_, line| read::quick_read(line, meter));
    assert_eq!(dead.unwrap_err().code.as_str(), "MK-LINK-03");
    // Three questions, three times each, with the care a bad line needs: not for ever.
    assert!(site.link.now() < Duration::from_secs(120), "{:?}", site.link.now());
}
