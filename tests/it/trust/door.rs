//! The log-in, through the engine, with a real vault: nothing is open before the PIN, and nothing
//! after the log-out.

use std::path::PathBuf;
use std::time::Duration;

use meterkit::jobs::engine::{Engine, EngineConfig};
use meterkit::jobs::views::{
    Failure, LockedView, LogOutWhy, LoggedOutWhy, Request, SuperviseAct, Update,
};
use meterkit::report::Code;
use meterkit::store::vault::{Cost, SecretPlace, Vault};
use meterkit::store::{DocKind, Event, Store};
use meterkit::units::{OperatorId, Role, UnixSeconds, recovery_text};
use meterkit_tokens::activation;
use secrecy::SecretString;

use crate::stories::site::{BASE, DEVICE, OPERATOR, Office, grant_taken, operator};

const PATIENCE: Duration = Duration::from_secs(60);
const PIN: &str = "27182818";
const CODE: &str = "7QK3M9TZ2XWB";
const RECOVERY: [u8; 16] = [0x5A; 16];

struct Rig {
    engine: Engine,
    folder: tempfile::TempDir,
}

/// A handheld with one operator, a second one with a grant and no PIN, and a recovery code.
fn enrolled() -> (tempfile::TempDir, PathBuf, SecretPlace) {
    let folder = tempfile::tempdir().unwrap();
    let (dir, secret) = (folder.path().join("store"), folder.path().join("secret"));
    let place = SecretPlace::File(secret);
    let device = DEVICE.parse().unwrap();
    let (vault, key) = Vault::create(&dir, &device, &place, Cost::TEST).unwrap();
    vault.set_pin(&key, &operator(), &pin(PIN), true).unwrap();
    vault.add_recovery(&key, &[RECOVERY]).unwrap();
    let office = Office::new();
    let stamp = meterkit::jobs::Moment { at: UnixSeconds(BASE), boot_ms: 0 }.stamp(&operator());
    let store = Store::create(&dir, office.identity(), &stamp, &key).unwrap();
    let (version, status) = office.status(BASE, |_| {});
    store.take_document(&stamp, DocKind::Status, version, &status).unwrap();
    store.append(&stamp, grant_taken(office.grant(OPERATOR, |_| {}))).unwrap();
    let (mut grant, _) = office.grant("li", |_| {});
    grant.role = Role::Recharge.number();
    grant.activation = activation(&grant.id, CODE);
    let bytes = office.issuer.grant(&grant).unwrap();
    store.append(&stamp, grant_taken((grant, bytes))).unwrap();
    (folder, dir, place)
}

fn pin(text: &str) -> SecretString {
    SecretString::from(text)
}

impl Rig {
    fn new() -> (Self, LockedView) {
        let (folder, dir, place) = enrolled();
        let clock = meterkit::jobs::clock::TickClock { base: UnixSeconds(BASE), offset_s: 0 };
        let config = EngineConfig {
            place,
            clock: std::sync::Arc::new(clock),
            ..EngineConfig::new(dir, OPERATOR.to_owned()).unwrap()
        };
        let rig = Self { engine: Engine::start(config).unwrap(), folder };
        let locked = rig.locked();
        (rig, locked)
    }

    fn ask(&self, request: Request) {
        self.engine.requests.send(request).unwrap();
    }

    fn wait<T>(&self, mut pick: impl FnMut(Update) -> Option<T>) -> T {
        loop {
            let update = self.engine.updates.recv_timeout(PATIENCE).expect("an update");
            if let Some(picked) = pick(update) {
                return picked;
            }
        }
    }

    fn locked(&self) -> LockedView {
        self.wait(|update| match update {
            Update::Locked(view) => Some(view),
            _ => None,
        })
    }

    /// Tries to log in.
    fn log_in(&self, operator: &str, with: &str) -> Result<Role, LockedView> {
        self.ask(Request::LogIn { operator: operator.to_owned(), pin: pin(with) });
        let role = self.wait(|update| match update {
            Update::LoggedIn(view) => Some(Ok(view.role)),
            Update::Locked(view) => Some(Err(view)),
            _ => None,
        })?;
        self.wait(|update| matches!(update, Update::Home(_)).then_some(()));
        Ok(role)
    }

    fn log_out(&self) {
        self.ask(Request::LogOut(LogOutWhy::Asked));
        let why = self.wait(|update| match update {
            Update::LoggedOut { why, .. } => Some(why),
            _ => None,
        });
        assert_eq!(why, LoggedOutWhy::Asked);
        self.locked();
    }

    fn pin_done(&self, request: Request) -> Result<(), Failure> {
        self.ask(request);
        self.wait(|update| match update {
            Update::PinDone(result) => Some(result),
            _ => None,
        })
    }
}

fn code(result: Result<(), Failure>) -> Option<Code> {
    result.err().map(|failure| failure.code)
}

fn li() -> OperatorId {
    "li".parse().unwrap()
}

#[test]
fn nothing_is_open_before_the_pin_and_after_the_log_out() {
    let (rig, first) = Rig::new();
    assert_eq!((first.device.as_str(), first.operator.as_str()), (DEVICE, OPERATOR));
    assert!(first.plain_secret && first.failure.is_none());
    rig.ask(Request::Home);
    rig.ask(Request::Tokens { after: None, limit: 9 });
    rig.locked();
    rig.locked();
    let wrong = rig.log_in(OPERATOR, "31415926").unwrap_err();
    assert_eq!(wrong.failure.map(|failure| failure.code), Some(Code::PinWrong));
    assert_eq!((wrong.left, wrong.locked_out), (Some(9), false));
    let none = rig.log_in("No Such Name", PIN).unwrap_err();
    assert_eq!(none.failure.map(|failure| failure.code), Some(Code::PinWrong));
    assert_eq!(rig.log_in(OPERATOR, PIN), Ok(Role::Supervisor));
    rig.log_out();
    rig.ask(Request::Home);
    rig.locked();
    // The store is closed: another may open it.
    let (dir, place) =
        (rig.folder.path().join("store"), SecretPlace::File(rig.folder.path().join("secret")));
    let vault = Vault::open(&dir, &place).unwrap();
    let boot = meterkit::store::vault::SystemBoot;
    let key = vault.unlock(&operator(), &pin(PIN), &boot).unwrap().key;
    let (store, _) = Store::open(&dir, &key).unwrap();
    let events = store.events(1, 100);
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::LoggedIn { failures, .. } => {
                assert_eq!(*failures, 1);
                Some("in")
            }
            Event::LoggedOut { .. } => Some("out"),
            Event::Software { version, digest } => {
                assert!(version.starts_with("meterkit ") && *digest != [0; 32]);
                Some("software")
            }
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["in", "software", "out"]);
}

#[test]
fn wrong_pins_wait_and_lock_and_a_recovery_code_frees() {
    let (rig, _) = Rig::new();
    let mut waited = 0;
    for _ in 0..6 {
        let view = rig.log_in(OPERATOR, "31415926").unwrap_err();
        let code = view.failure.unwrap().code;
        assert!(matches!(code, Code::PinWrong | Code::PinWait), "{code:?}");
        waited = waited.max(view.wait_s);
    }
    assert!(waited >= 30, "from the fourth on there is a wait: {waited}");
    let right = rig.log_in(OPERATOR, PIN).unwrap_err();
    assert_eq!(right.failure.unwrap().code, Code::PinWait, "not even the right one is looked at");
    let recover = |code: &str, new: &str| Request::Recover {
        operator: OPERATOR.to_owned(),
        code: pin(code),
        pin: pin(new),
    };
    let text = recovery_text(&RECOVERY);
    assert_eq!(code(rig.pin_done(recover(&text, "123456"))), Some(Code::PinWeak));
    assert_eq!(code(rig.pin_done(recover("not a code", "86420975"))), Some(Code::RecoveryWrong));
    rig.ask(recover(&text, "86420975"));
    let role = rig.wait(|update| match update {
        Update::LoggedIn(view) => Some(view.role),
        Update::PinDone(result) => panic!("{result:?}"),
        _ => None,
    });
    assert_eq!(role, Role::Supervisor);
    rig.log_out();
    assert_eq!(rig.log_in(OPERATOR, "86420975"), Ok(Role::Supervisor));
    rig.log_out();
    assert_eq!(code(rig.pin_done(recover(&text, "97531864"))), Some(Code::RecoveryWrong), "once");
}

#[test]
fn people_come_and_go() {
    let (rig, _) = Rig::new();
    rig.log_in(OPERATOR, PIN).unwrap();
    let activate = |code: &str, new: &str| Request::Activate {
        operator: li(),
        code: pin(code),
        pin: pin(new),
    };
    assert_eq!(code(rig.pin_done(activate("7QK3M9TZ2XWC", "864209"))), Some(Code::ActivationWrong));
    assert_eq!(code(rig.pin_done(activate(CODE, "111111"))), Some(Code::PinWeak));
    assert_eq!(code(rig.pin_done(activate("7qk3-m9tz-2xwb", "864209"))), None);
    assert_eq!(code(rig.pin_done(activate(CODE, "975318"))), Some(Code::ActivationWrong), "once");
    let change = |old: &str, new: &str| Request::ChangePin { old: pin(old), new: pin(new) };
    assert_eq!(code(rig.pin_done(change("11112222", "86420975"))), Some(Code::PinWrong));
    assert_eq!(code(rig.pin_done(change(PIN, "864209"))), Some(Code::PinWeak), "a supervisor's");
    assert_eq!(code(rig.pin_done(change(PIN, "86420975"))), None);
    rig.log_out();
    assert_eq!(rig.log_in("li", "864209"), Ok(Role::Recharge));
    let own = Request::Supervise { operator: operator(), act: SuperviseAct::Remove };
    assert_eq!(code(rig.pin_done(own)), Some(Code::RoleForbids));
    rig.log_out();
    assert_eq!(rig.log_in(OPERATOR, "86420975"), Ok(Role::Supervisor));
    rig.ask(Request::Operators);
    let rows = rig.wait(|update| match update {
        Update::Operators(rows) => Some(rows),
        _ => None,
    });
    let rows: Vec<_> = rows.iter().map(|row| (row.operator.as_str(), row.active)).collect();
    assert_eq!(rows, [("li", true), (OPERATOR, true)]);
    let supervise = |operator, act| Request::Supervise { operator, act };
    assert_eq!(code(rig.pin_done(supervise(li(), SuperviseAct::Free))), None);
    assert_eq!(
        code(rig.pin_done(supervise(operator(), SuperviseAct::Remove))),
        Some(Code::RoleForbids),
        "not one's own"
    );
    assert_eq!(code(rig.pin_done(supervise(li(), SuperviseAct::Remove))), None);
    assert_eq!(code(rig.pin_done(supervise(li(), SuperviseAct::Remove))), Some(Code::NoGrant));
    rig.log_out();
    let gone = rig.log_in("li", "864209").unwrap_err();
    assert_eq!(gone.failure.map(|failure| failure.code), Some(Code::PinWrong));
}

#[test]
fn another_machine_opens_nothing() {
    let (folder, dir, _) = enrolled();
    let config = EngineConfig {
        place: SecretPlace::File(folder.path().join("another")),
        ..EngineConfig::new(dir, OPERATOR.to_owned()).unwrap()
    };
    let rig = Rig { engine: Engine::start(config).unwrap(), folder };
    rig.locked();
    let view = rig.log_in(OPERATOR, PIN).unwrap_err();
    assert_eq!(view.failure.map(|failure| failure.code), Some(Code::SecretMissing));
    assert_eq!(view.left, None, "no try is counted");
}

#[test]
fn no_store_no_door() {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig::new(folder.path().join("store"), String::new()).unwrap();
    assert_eq!(Engine::start(config).err().map(|failure| failure.code), Some(Code::NotEnrolled));
}
