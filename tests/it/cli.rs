//! The commands as a script meets them: exit statuses, codes, words in both languages, and that
//! what was refused changed nothing.

mod boxes;
#[cfg(feature = "demo")]
mod demo;
mod secrets;
mod unproven;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use meterkit::report::Code;
use meterkit::sim::serve::FleetStation;
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::store::Event;
use meterkit::transport::{Bus, Server};
use meterkit::units::{AccountNo, MeterNo};
use meterkit_tokens::RechargeToken;
use serde_json::Value;

use crate::support::home::Home;
use crate::support::{Desk, now};

const COUNT: u32 = 3;

fn meter() -> MeterNo {
    "4711".parse().unwrap()
}

fn account() -> AccountNo {
    "330100004711".parse().unwrap()
}

/// The binary in a folder where nothing is enrolled.
fn bare(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meterkit"));
    command.arg("--home").arg(home);
    command
}

fn ran(mut command: Command, arguments: &[&str]) -> Output {
    command.args(arguments).stdin(Stdio::null());
    for name in ["LANG", "LC_ALL", "METERKIT_PORT", "METERKIT_OPERATOR", "METERKIT_PIN_FILE"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn meterkit(home: &Home, arguments: &[&str]) -> Output {
    ran(home.command(), arguments)
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Runs a command that must fail with this code, says it in both languages, and gives the detail.
fn fails(home: &Home, arguments: &[&str], code: Code) -> String {
    fails_with(|| home.command(), arguments, code)
}

fn fails_with(command: impl Fn() -> Command, arguments: &[&str], code: Code) -> String {
    let mut words = Vec::new();
    let mut detail = String::new();
    for lang in ["en", "zh"] {
        let mut all = vec!["--json", "--no-input", "--lang", lang];
        all.extend(arguments);
        let output = ran(command(), &all);
        let status = output.status.code().unwrap();
        let said = lines(&output);
        let error = said
            .iter()
            .find(|line| !line["error"].is_null())
            .unwrap_or_else(|| panic!("{arguments:?} must fail, said {said:?}"));
        assert_eq!(error["schema"], "meterkit/1");
        assert_eq!(error["error"]["code"], code.as_str(), "{arguments:?}: {error}");
        assert_eq!(status, i32::from(code.exit_status()), "{arguments:?}");
        let next = error["error"]["next"].as_str().unwrap();
        assert!(!next.is_empty(), "{code:?} has no next action");
        words.push(error["error"]["title"].as_str().unwrap().to_owned());
        detail = error["error"]["detail"].as_str().unwrap().to_owned();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with(code.as_str()), "{stderr}");
    }
    assert_ne!(words[0], words[1], "two languages");
    detail
}

struct Hand {
    home: Home,
    desk: Desk,
    port: String,
    _server: Server<FleetStation>,
}

impl Hand {
    fn new() -> Self {
        let desk = Desk::new();
        let home = Home::new(&desk);
        let setup = MeterSetup::opened(meter(), account(), 5_000, COUNT);
        let start = meterkit::sim::DEFAULT_START.parse().unwrap();
        let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
        let bus = Bus::unpaced(FleetStation::new(fleet));
        let server = Server::on_tcp(bus, "127.0.0.1:0".parse().unwrap()).unwrap();
        Self { home, desk, port: server.endpoint().to_string(), _server: server }
    }

    fn token(&self) -> RechargeToken {
        self.desk.token(meter(), account(), COUNT, 2_000)
    }

    fn file(&self, bytes: &[u8]) -> String {
        let path = self.home.path().join("token.mkt");
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn events(&self) -> u64 {
        self.money_events()
    }

    /// Entries that are not about log-ins: every command logs in and out.
    fn money_events(&self) -> u64 {
        let entries = self.home.store().events(1, 10_000);
        let people = |event: &Event| {
            matches!(
                event,
                Event::LoggedIn { .. } | Event::LoggedOut { .. } | Event::Software { .. }
            )
        };
        entries.iter().filter(|entry| !people(&entry.event)).count() as u64
    }

    fn import(&self, bytes: &[u8]) -> Output {
        let file = self.file(bytes);
        meterkit(&self.home, &["--json", "tokens", "import", &file])
    }

    /// An import that must be refused with this code and change nothing.
    fn refuses(&self, bytes: &[u8], code: Code) {
        let before = self.events();
        let output = self.import(bytes);
        let said = lines(&output);
        assert_eq!(said[0]["refused"][0]["code"], code.as_str(), "{said:?}");
        assert_eq!(output.status.code(), Some(i32::from(code.exit_status())));
        assert_eq!(self.events(), before, "{code:?} must change nothing");
    }

    fn on_line<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["--port", self.port.as_str()];
        arguments.extend(more);
        arguments
    }
}

#[test]
fn bad_tokens_are_refused_each_with_its_code_and_change_nothing() {
    let hand = Hand::new();
    let good = hand.token();
    let sign = |change: &dyn Fn(&mut RechargeToken)| {
        let mut token = good.clone();
        change(&mut token);
        hand.desk.sign(&token)
    };
    let whole = sign(&|_| {});
    let other_tenant = sign(&|token| token.tenant = "elsewhere".to_owned());
    hand.refuses(&other_tenant, Code::TokenTenant);
    hand.refuses(&sign(&|token| token.device = "hh-other".to_owned()), Code::TokenDevice);
    let past = |token: &mut RechargeToken| {
        (token.not_before, token.issued, token.expires) =
            (now() - 90_000, now() - 90_000, now() - 60);
    };
    hand.refuses(&sign(&past), Code::TokenExpired);
    let mut altered = whole.clone();
    let amount = altered.windows(2).position(|pair| pair == [0x19, 0x07]).unwrap();
    altered[amount + 2] ^= 1;
    hand.refuses(&altered, Code::TokenSignature);
    for length in [0, 1, 40, whole.len() - 1] {
        hand.refuses(&whole[..length], Code::TokenMalformed);
    }
    let imported = lines(&hand.import(&whole));
    assert_eq!(imported[0]["taken"].as_array().unwrap().len(), 1, "{imported:?}");
    // The same token again is known, not new; another one under its id is a conflict.
    let before = hand.events();
    assert_eq!(lines(&hand.import(&whole))[0]["known"].as_array().unwrap().len(), 1);
    assert_eq!(hand.events(), before);
    hand.refuses(&sign(&|token| token.amount += 1), Code::TokenConflict);
}

#[test]
fn a_recharge_from_the_command_line() {
    let hand = Hand::new();
    let home = &hand.home;
    let early = RechargeToken { not_before: now() + 3_000, id: [9; 16], ..hand.token() };
    for token in [hand.token(), early.clone()] {
        assert!(hand.import(&hand.desk.sign(&token)).status.success());
    }
    let face = meter().to_string();
    let base = hand.on_line(&["recharge", "--meter", &face]);
    let with = |more: &[&'static str]| {
        let mut arguments: Vec<&str> = base.clone();
        arguments.extend(more);
        arguments
    };
    // Nothing moves without the digits, nor with wrong ones, nor in a dry run.
    fails(home, &base, Code::NotConfirmed);
    fails(home, &with(&["--confirm", "4712"]), Code::DigitsWrong);
    let early_id = meterkit::units::TokenId(early.id).to_string();
    let mut arguments = base.clone();
    arguments.extend(["--token", &early_id, "--confirm", "4711"]);
    fails(home, &arguments, Code::TokenNotYet);
    let mut dry = vec!["--json"];
    dry.extend(with(&["--dry-run"]));
    let dry = meterkit(home, &dry);
    assert!(dry.status.success());
    assert_eq!(lines(&dry).last().unwrap()["preflight"]["evidence"]["count"], COUNT);
    let mut real = vec!["--json"];
    real.extend(with(&["--confirm", "4711"]));
    let done = meterkit(home, &real);
    let said = lines(&done);
    assert_eq!(done.status.code(), Some(0), "{said:?}");
    let finished = &said.last().unwrap()["finished"];
    assert_eq!(finished["outcome"], "accepted");
    assert_eq!(finished["after"]["count"], COUNT + 1);
    // Used up: the same token by name is refused, and there is no other.
    let used = finished["token"].as_str().unwrap().to_owned();
    let mut again = base.clone();
    again.extend(["--token", &used, "--confirm", "4711"]);
    fails(home, &again, Code::TokenUsed);
    fails(home, &with(&["--confirm", "4711"]), Code::TokenUnknown);
    fails(home, &with(&["--resolve"]), Code::NoIntent);
    let verified = meterkit(home, &["--json", "journal", "verify"]);
    assert_eq!(lines(&verified)[0]["whole"], true);
}

#[test]
fn the_meter_and_the_step_must_fit() {
    let hand = Hand::new();
    let home = &hand.home;
    let cases: [(&str, RechargeToken, Code); 3] = [
        ("behind", RechargeToken { count: COUNT + 1, ..hand.token() }, Code::CountBehind),
        ("ahead", RechargeToken { count: COUNT - 1, ..hand.token() }, Code::CountAhead),
        ("account", RechargeToken { account: [0x99; 6], ..hand.token() }, Code::AccountOther),
    ];
    for (at, (name, mut token, code)) in cases.into_iter().enumerate() {
        token.id = [u8::try_from(at).unwrap() + 1; 16];
        assert!(hand.import(&hand.desk.sign(&token)).status.success(), "{name}");
        let id = meterkit::units::TokenId(token.id).to_string();
        let face = meter().to_string();
        let arguments = ["recharge", "--meter", &face, "--token", &id, "--confirm", "4711"];
        let detail = fails(home, &hand.on_line(&arguments), code);
        assert!(!detail.is_empty(), "{name} must say what was found");
    }
    fails(home, &hand.on_line(&["read", "--meter", "4712"]), Code::MeterSilent);
}

#[test]
fn ports_that_cannot_be_used_say_why() {
    let home = tempfile::tempdir().unwrap();
    let read = ["read", "--meter", "1"];
    let with = |port: &'static str| {
        let mut arguments = vec!["--port", port];
        arguments.extend(read);
        arguments
    };
    fails_with(|| bare(home.path()), &read, Code::PortNotChosen);
    fails_with(|| bare(home.path()), &with("/dev/ttyNOTHERE7"), Code::PortMissing);
    fails_with(|| bare(home.path()), &with("carrier-pigeon://loft"), Code::PortAddress);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("tcp://{}", listener.local_addr().unwrap());
    drop(listener);
    let arguments = ["--port", &gone, "read", "--meter", "1"];
    fails_with(|| bare(home.path()), &arguments, Code::PortMissing);
}

#[test]
fn a_handheld_without_an_office_says_so() {
    let home = tempfile::tempdir().unwrap();
    for command in [&["tokens"][..], &["journal", "verify"], &["sync"]] {
        fails_with(|| bare(home.path()), command, Code::NotEnrolled);
    }
    let hand = Hand::new();
    fails(&hand.home, &["sync"], Code::OfficeUnreachable);
    let doctor = meterkit(&hand.home, &["--json", "doctor"]);
    assert!(doctor.status.success(), "{doctor:?}");
    let report = String::from_utf8(doctor.stdout).unwrap();
    assert!(!report.contains(&"03".repeat(32)), "the device's key must not be in the report");
}

#[test]
fn one_meterkit_at_a_time() {
    let hand = Hand::new();
    let open = hand.home.store();
    let detail = fails(&hand.home, &["tokens"], Code::StoreLocked);
    assert!(detail.contains(&std::process::id().to_string()), "{detail}");
    drop(open);
    assert!(meterkit(&hand.home, &["tokens"]).status.success());
}

#[test]
fn a_wrong_configuration_names_the_key() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), "langage = \"zh\"\n").unwrap();
    let detail = fails_with(|| bare(home.path()), &["ports"], Code::Config);
    assert!(detail.contains("lang"), "{detail}");
}

#[test]
fn a_head_of_ones_own_that_is_none_is_named_by_its_row() {
    let home = tempfile::tempdir().unwrap();
    let rows = "ble_heads = [\"Yard FFF0 FFF2 FFF1\", \"Gate FFF0 FFF2\"]\n";
    std::fs::write(home.path().join("config.toml"), rows).unwrap();
    let detail = fails_with(|| bare(home.path()), &["ports"], Code::Config);
    for words in ["config.toml", "ble_heads, row 2", "Gate FFF0 FFF2", "NAME SERVICE WRITE NOTIFY"]
    {
        assert!(detail.contains(words), "{detail}");
    }
    std::fs::write(home.path().join("config.toml"), rows.replace("Gate", "Gate FFF0")).unwrap();
    assert!(ran(bare(home.path()), &["ports"]).status.success());
}

#[test]
fn every_kind_of_line_is_named_where_an_address_is_asked_for() {
    const FORMS: [&str; 7] =
        ["/dev/", "COMn", "tcp://", "tcp-listen://:", "udp://", "rfc2217://", "ble:"];
    let home = tempfile::tempdir().unwrap();
    let run =
        |arguments: &[&str]| String::from_utf8(ran(bare(home.path()), arguments).stdout).unwrap();
    let choose = ["ports", "choose", "ttyUSB0"];
    for lang in ["en", "zh"] {
        let said =
            lines(&ran(bare(home.path()), &[&["--json", "--lang", lang], &choose[..]].concat()));
        let next = said[0]["error"]["next"].as_str().unwrap().to_owned();
        let told = [next, run(&["--help"]), run(&["ports", "choose", "--help"])];
        for form in FORMS {
            assert!(told.iter().all(|text| text.contains(form)), "{form}: {told:?}");
        }
    }
    fails_with(|| bare(home.path()), &choose, Code::PortAddress);
    assert!(!home.path().join("lines.toml").exists(), "what failed is not remembered");
}

#[test]
fn the_rules_for_udev_come_with_the_program() {
    let home = tempfile::tempdir().unwrap();
    let rules = ran(bare(home.path()), &["ports", "rules"]);
    let text = String::from_utf8(rules.stdout).unwrap();
    assert_eq!(text, include_str!("../../docs/60-meterkit.rules"));
}

#[test]
fn a_port_that_is_not_there_is_found_by_the_doctor() {
    let hand = Hand::new();
    let output = meterkit(&hand.home, &["--json", "--port", "/dev/ttyUSB77", "doctor"]);
    assert_eq!(output.status.code(), Some(i32::from(Code::PortMissing.exit_status())));
    let findings = lines(&output).remove(0)["findings"].take();
    let port = findings.as_array().unwrap().iter().find(|one| one["name"] == "port").unwrap();
    assert_eq!((&port["state"], &port["detail"]), (&"MK-PORT-01".into(), &"/dev/ttyUSB77".into()));
}

/// The operator it is about and the operator who does it are two arguments.
#[test]
fn somebody_elses_log_in_is_named_on_the_command_line() {
    let hand = Hand::new();
    for act in [["operators", "remove", "nobody"], ["operators", "free", "nobody"]] {
        let output = meterkit(&hand.home, &[&["--json"], &act[..]].concat());
        let status = output.status.code();
        assert!(matches!(status, Some(1..=7)), "{act:?}: {status:?} {output:?}");
        let error = &lines(&output)[0]["error"]["code"];
        assert!(error.as_str().is_some_and(|code| code.starts_with("MK-AUTH-")), "{output:?}");
    }
}

#[test]
fn decode_reads_arguments_and_lines() {
    let home = tempfile::tempdir().unwrap();
    let good = "FEFEFEFE68943521908855689106333434357B555E16";
    let arguments = ["decode", "--protocol", "dlt645", "--json", good];
    let output = ran(bare(home.path()), &arguments);
    assert_eq!(output.status.code(), Some(0));
    let frame = &lines(&output)[0];
    assert_eq!(frame["address"], "558890213594");
    assert_eq!(frame["items"][0]["value"], 224.8);
    let bad = ["decode", "--protocol", "dlt645", "--json", "68129078563412681104333334335516"];
    let output = ran(bare(home.path()), &bad);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&output)[0]["error"], "checksum");
}
