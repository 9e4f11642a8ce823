//! Longer errands told in TOML (`fixtures/stories/errands`): one kind of step serves all of them.
//!
//! A story has meters (as in a fleet file, with whose they are beside it), papers of the office,
//! and steps. A step begins an errand or carries on with the one that was begun, gives its answers
//! one by one, may have the power cut as soon as a row of its sheet stands in a certain way, and
//! says how the sheet then stands. In the end the meters' own ledgers, the journal's steps and the
//! marks must be as told; whatever a story says, no meter's money may be out of balance and the
//! journal must be whole.
//!
//! The world is that of the swaps: the real jobs and the real store, on a line in virtual time and
//! a disk whose power can be cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use meterkit::jobs::errand::{self, Answer, Ask, Errand, Sheet, Values};
use meterkit::jobs::{bundle, round, tokens};
use meterkit::profile::bundle::Bundle;
use meterkit::sim::{Fleet, Meter};
use meterkit::store::{AreaMeter, Event, Step as Entry, Store};
use meterkit::transport::Faults;
use meterkit::units::{BusPlace, Energy, ErrandKind, TokenId, WorkId};
use meterkit_tokens::bundle::Target;
use meterkit_tokens::{BundleToken, Kind};
use sha2::{Digest, Sha256};

use super::errand_spec::{End, ErrandName, Go, MeterSpec, Paper, RowSpec, Step, Story, fen, no};
use super::site::{BASE, DEVICE, Order, TENANT};
use crate::crash::disk::{Dice, Fault as DiskFault};
use crate::swap::bench::{Bench, Leave};

/// Most questions of one step: more is an errand that never ends.
const QUESTIONS: usize = 60;
/// The kind of meter in a story that names none.
const PROFILE: &str = "dlt645-2007-c";

/// A story being told.
struct Told {
    bench: Bench,
    store: Option<Arc<Store>>,
    work: Option<(ErrandKind, WorkId)>,
    /// How it stood when it was shown last; none after a restart.
    sheet: Option<Sheet>,
    papers: BTreeMap<String, TokenId>,
    serial: u64,
    dice: Dice,
    folder: tempfile::TempDir,
}

fn of(kind: ErrandKind) -> &'static dyn Errand {
    errand::of(kind).unwrap()
}

impl Told {
    fn begin(story: &Story) -> Self {
        let meters: Vec<toml::Value> =
            story.meter.iter().map(|meter| toml::Value::Table(meter.own.clone())).collect();
        let mut file = toml::Table::new();
        file.insert("seed".to_owned(), toml::Value::Integer(1));
        file.insert("meter".to_owned(), toml::Value::Array(meters));
        let fleet = Fleet::from_toml(&file.to_string()).unwrap();
        let row = |meter: &MeterSpec, own: &Meter| AreaMeter {
            no: own.number(),
            account: own.account(),
            customer: meter.customer.clone(),
            location: "B2-1203".to_owned(),
            profile: PROFILE.to_owned(),
            area: "north".to_owned(),
            place: BusPlace::default(),
        };
        let all = story.meter.iter().zip(fleet.meters());
        let listed = all.filter(|(meter, _)| meter.listed).map(|(meter, own)| row(meter, own));
        let listed = listed.collect();
        let bench = Bench::of(fleet, listed, Faults::NONE);
        let folder = tempfile::tempdir().unwrap();
        let mut told = Self {
            bench,
            store: None,
            work: None,
            sheet: None,
            papers: BTreeMap::new(),
            serial: 0,
            dice: Dice::new(7),
            folder,
        };
        story.paper.iter().for_each(|paper| told.take_in(paper));
        told.store = Some(Arc::new(told.bench.open()));
        told
    }

    fn take_in(&mut self, paper: &Paper) {
        let (kind, id, meter, account, count, amount, undoes) = match paper {
            Paper::Swap { provisional } => {
                let usual = Leave::default();
                let provisional = provisional.as_deref().map_or(usual.provisional, fen);
                self.bench.take_leave(Leave { provisional, ..usual });
                return;
            }
            Paper::Bundle { file } => return self.take_bundle(file),
            Paper::Open { id, meter, account, count, amount } => {
                (Kind::Open, Some(id), meter, account, count, amount, None)
            }
            Paper::Refund { meter, account, count, amount } => {
                (Kind::Refund, None, meter, account, count, amount, None)
            }
            Paper::Reversal { meter, account, count, amount, undoes } => {
                (Kind::Refund, None, meter, account, count, amount, Some(self.papers[undoes]))
            }
        };
        let order = Order::new(no(meter), account.parse().unwrap(), *count, fen(amount));
        let order = Order { kind, undoes, ..order };
        self.serial += 1;
        let now = self.bench.stamp().at;
        let (token, bytes) = order.sign(&self.bench.office, self.serial, now);
        let store = self.bench.open();
        let done = tokens::import_bytes(&store, &self.bench.stamp(), &bytes);
        assert_eq!(done.taken, [token], "{:?}", done.refused);
        if let Some(id) = id {
            self.papers.insert(id.clone(), token);
        }
    }

    fn take_bundle(&mut self, file: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles");
        let body = std::fs::read_to_string(folder.join(file)).unwrap();
        let named = Bundle::check(&body).0.unwrap();
        let token = BundleToken {
            tenant: TENANT.to_owned(),
            device: DEVICE.to_owned(),
            issued: BASE - 60,
            not_before: BASE - 60,
            expires: BASE + 30 * 86_400,
            id: [9; 16],
            digest: Sha256::digest(body.as_bytes()).into(),
            name: named.name,
            version: named.version,
            target: Target { profile: Some(PROFILE.to_owned()), ..Target::default() },
        };
        let signed = self.bench.office.issuer.bundle(&token).unwrap();
        let store = self.bench.open();
        let taken = bundle::take_bytes(&store, &self.bench.stamp(), signed, body.as_bytes());
        assert!(taken.unwrap().1, "a new bundle");
    }

    fn store(&self) -> Arc<Store> {
        Arc::clone(self.store.as_ref().unwrap())
    }

    /// Files of a story stand beside its store: `{folder}` in a value.
    fn values(&self, go: &Go) -> Values {
        let folder = self.folder.path().display().to_string();
        let mut values = Values::default();
        for (key, text) in &go.values {
            values.set(key, text.replace("{folder}", &folder));
        }
        values
    }

    fn step(&mut self, step: &Step, at: &str) {
        match step {
            Step::Errand(go) => self.go(go, at),
            Step::Meter { no: meter, dead, load_w, wiring } => {
                let mut fleet = self.bench.fleet.lock().unwrap();
                let meter = fleet.meter_mut(no(meter)).unwrap();
                if let Some(dead) = dead {
                    meter.set_dead(*dead);
                }
                if let Some(load) = load_w {
                    meter.set_load(*load);
                }
                if let Some(wiring) = wiring {
                    meter.set_wiring(*wiring);
                }
            }
            Step::TypeIn { meter, energy, reason, code } => {
                let (store, work) = (self.store(), self.work.unwrap().1);
                let figure = (no(meter), Energy(fen(energy)));
                let result = round::type_in(&store, &self.bench.stamp(), work, figure, reason);
                let got = result.as_ref().err().map(|failure| failure.code.as_str());
                assert_eq!(got, code.as_deref(), "{at}");
            }
            Step::Pass { seconds } => self.bench.pass(Duration::from_secs(*seconds)),
            Step::Restart => self.restart(),
        }
    }

    /// The program is started anew and finds what the disk kept.
    fn restart(&mut self) {
        self.sheet = None;
        *self.bench.wire.1.lock().unwrap() = None;
        drop(Arc::into_inner(self.store.take().unwrap()).expect("nobody else has the store"));
        self.bench.disk = self.bench.disk.after_cut(&mut self.dice);
        self.store = Some(Arc::new(self.bench.open()));
    }

    /// From the moment the sheet has such a row nothing is sent and nothing kept any more.
    fn plan_cut(&self, cut: &RowSpec) {
        let (store, disk, cut) = (self.store(), self.bench.disk.clone(), cut.clone());
        let mut dead = false;
        *self.bench.wire.1.lock().unwrap() = Some(Box::new(move || {
            let row = store.errands().into_iter().find(|row| row.step.name == Entry::WHOLE);
            let sheet = row.and_then(|row| of(row.step.kind).sheet(&store, row.step.errand).ok());
            if !dead && sheet.is_some_and(|sheet| sheet.rows.iter().any(|row| cut.fits(row))) {
                dead = true;
                disk.plan(Some(DiskFault::Cut(disk.steps())));
            }
            dead
        }));
    }

    fn go(&mut self, go: &Go, at: &str) {
        if let Some(cut) = &go.cut {
            self.plan_cut(cut);
        }
        let store = self.store();
        let result = self.bench.work(&store, |site| {
            let begun = match go.kind {
                Some(ErrandName(kind)) if go.plan => {
                    return (None, of(kind).plan(site, &self.values(go)), 0);
                }
                Some(ErrandName(kind)) => {
                    of(kind).begin(site, &self.values(go)).map(|work| (kind, work))
                }
                None => Ok(self.work.expect("an errand was begun")),
            };
            let (kind, work) = match begun {
                Ok(begun) => begun,
                Err(failure) => return (None, Err(failure), 0),
            };
            let mut answers = go.answers.iter();
            // What it asked last is answered at once; else it goes on by itself first.
            let asked = self.sheet.as_ref().filter(|_| go.kind.is_none()).map(|sheet| sheet.ask);
            let mut answer = asked
                .filter(|ask| *ask != Ask::Nothing)
                .and_then(|ask| Some(said(ask, answers.next()?, at)))
                .unwrap_or(Answer::None);
            for _ in 0..QUESTIONS {
                let sheet = of(kind).advance(site, work, &answer, &mut |_| {});
                let ask = match &sheet {
                    Ok(sheet) if !sheet.done => sheet.ask,
                    _ => Ask::Nothing,
                };
                let next = Some(ask).filter(|ask| *ask != Ask::Nothing);
                let Some((ask, text)) = next.and_then(|ask| Some((ask, answers.next()?))) else {
                    return (Some((kind, work)), sheet, answers.count());
                };
                answer = said(ask, text, at);
            }
            panic!("{at}: it never ends");
        });
        let (work, result, left) = result;
        self.work = work.or(self.work);
        if go.cut.is_some() {
            assert!(self.bench.wire.1.lock().unwrap().as_mut().unwrap()(), "{at}: was not cut");
            // Whatever the program said as it died nobody has read.
            drop(store);
            return self.restart();
        }
        assert_eq!(left, 0, "{at}: answers nobody asked for; {result:#?}");
        let sheet = match (result, &go.code) {
            (Err(failure), Some(code)) => {
                assert_eq!(failure.code.as_str(), code, "{at}: {}", failure.detail);
                return;
            }
            (Ok(sheet), None) => sheet,
            (result, _) => panic!("{at}: {result:#?}"),
        };
        let asks = match sheet.ask {
            _ if sheet.done => None,
            Ask::Nothing => None,
            Ask::Digits(_) => Some("digits"),
            Ask::Go(name) | Ask::Choice(name, _) | Ask::Enter(name, _) => Some(name),
        };
        assert_eq!((asks, sheet.done), (go.asks.as_deref(), go.done), "{at}: {sheet:#?}");
        assert_eq!(sheet.exit.map(|code| code.as_str()), go.exit.as_deref(), "{at}: {sheet:#?}");
        go.rows.iter().for_each(|row| row.check(&sheet, at));
        self.sheet = Some(sheet);
    }

    fn end(&self, end: &End) {
        let store = self.store();
        store.verify().unwrap();
        let mut fleet = self.bench.fleet.lock().unwrap();
        fleet.advance(meterkit::transport::Link::now(&self.bench.wire));
        fleet.audit().unwrap();
        for wanted in &end.meter {
            wanted.check(fleet.meter(no(&wanted.no)).unwrap());
        }
        let mut steps =
            store.events(0, 100_000).into_iter().filter_map(|entry| match entry.event {
                Event::Step(step) => Some(format!("{} {}", step.name, step.state.name())),
                _ => None,
            });
        for wanted in &end.journal {
            assert!(steps.any(|step| step == *wanted), "the journal has no {wanted} there");
        }
        if let Some(wanted) = &end.marks {
            let mut marks: Vec<String> = store
                .marks()
                .into_iter()
                .map(|row| format!("{} {}", row.meter, row.mark.name()))
                .collect();
            marks.sort();
            assert_eq!(marks, *wanted, "marks");
        }
    }
}

/// An answer in a story's words.
pub fn said(ask: Ask, text: &str, at: &str) -> Answer {
    let go = matches!(ask, Ask::Go(_));
    assert_eq!(go, text == "yes", "{at}: {text} is no answer to {ask:?}");
    if go { Answer::Yes } else { Answer::Text(text.to_owned()) }
}

fn tell(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let story: Story =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut told = Told::begin(&story);
    std::fs::write(told.folder.path().join("template"), TEMPLATE).unwrap();
    for (number, step) in story.step.iter().enumerate() {
        told.step(step, &format!("{}, step {}", story.name, number + 1));
    }
    told.end(&story.end);
}

/// What every new meter gets: 10 kW for 5 s.
const TEMPLATE: &str = "04090B01 = 100000\n04090B02 = 05\n";

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories/errands");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_errand_ends_as_told() {
    let files = files();
    for kind in ErrandKind::ALL {
        let named =
            |file: &&PathBuf| file.file_stem().unwrap().to_string_lossy().starts_with(kind.name());
        assert!(files.iter().any(|file| named(&file)), "no story of {}", kind.name());
    }
    let mut failed = Vec::new();
    for file in &files {
        if std::panic::catch_unwind(|| tell(file)).is_err() {
            failed.push(file.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
