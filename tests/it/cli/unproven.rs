//! A maker's layout that is not proven, from the command line: refused, accepted for one act, and
//! accepted in the configuration.

use meterkit::report::Code;
use meterkit::sim::serve::FleetStation;
use meterkit::sim::{Fleet, Layout, Meter, MeterSetup};
use meterkit::store::{Acceptance, Event};
use meterkit::transport::{Bus, Server};

use super::{COUNT, Hand, account, fails, lines, meter, meterkit};
use crate::support::Desk;
use crate::support::home::Home;

/// A handheld whose meters are KO's, at one of them.
fn hand() -> Hand {
    let desk = Desk::new();
    let home = Home::new(&desk);
    let mut setup = MeterSetup::opened(meter(), account(), 5_000, COUNT);
    setup.layout = Layout::Ko;
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
    let bus = Bus::unpaced(FleetStation::new(fleet));
    let server = Server::on_tcp(bus, "127.0.0.1:0".parse().unwrap()).unwrap();
    let hand = Hand { home, desk, port: server.endpoint().to_string(), _server: server };
    configure(&hand, "profile = \"ko\"\n");
    hand
}

fn configure(hand: &Hand, more: &str) {
    let path = hand.home.path().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{more}")).unwrap();
}

#[test]
fn an_unproven_recharge_needs_a_word_for_that_model() {
    let hand = hand();
    let home = &hand.home;
    assert!(hand.import(&hand.desk.sign(&hand.token())).status.success());
    let recharge = hand.on_line(&["recharge", "--meter", "4711", "--confirm", "4711"]);
    let with = |more: &[&'static str]| [&recharge[..], more].concat();
    let detail = fails(home, &recharge, Code::WriteUnproven);
    assert!(detail.contains("ko: [money] C < B") && detail.contains("KO old"), "{detail}");
    let detail = fails(home, &with(&["--accept-unproven", "kede"]), Code::Usage);
    assert!(detail.contains("kede") && detail.contains("ko"), "{detail}");
    configure(&hand, "unproven_writes = [\"kede\"]\n");
    fails(home, &recharge, Code::WriteUnproven);

    // What a person reads before, in words and for scripts; a dry run sends nothing.
    let dry = meterkit(home, &with(&["--accept-unproven", "ko", "--dry-run"]));
    let text = String::from_utf8(dry.stdout).unwrap();
    assert!(text.contains("! MK-METER-15") && text.contains("--accept-unproven"), "{text}");
    let json = [&["--json"][..], &with(&["--accept-unproven", "ko"])].concat();
    let said = lines(&meterkit(home, &json));
    let shown = said.iter().find(|line| line["preflight"].is_object()).unwrap();
    assert_eq!(shown["preflight"]["warnings"][0]["code"], "MK-METER-15", "{said:?}");
    assert_eq!(said.last().unwrap()["finished"]["outcome"], "accepted", "{said:?}");
    let events = home.store().events(1, 1_000);
    let words: Vec<Acceptance> = events
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::UnprovenAccepted { profile, by, .. } if profile == "ko" => Some(*by),
            _ => None,
        })
        .collect();
    assert_eq!(words, [Acceptance::Asked], "the act, not the dry run");
    let listed = lines(&meterkit(home, &["--json", "journal", "list"]));
    let row = listed.iter().find(|row| row["kind"] == "unproven-accepted").unwrap();
    assert_eq!(row["detail"], "recharge ko C", "{row}");
}

#[test]
fn the_configurations_word_is_seen_by_the_doctor_and_must_name_a_model() {
    let hand = hand();
    let home = &hand.home;
    let found = || {
        let report = lines(&meterkit(home, &["--json", "doctor"]));
        let findings = report[0]["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["name"] == "unproven")
    };
    assert_eq!(found(), None);
    configure(&hand, "unproven_writes = [\"ko\"]\n");
    let said = found().unwrap();
    assert_eq!(
        (said["state"].as_str(), said["detail"].as_str()),
        (Some("note"), Some("unproven_writes: ko"))
    );
    assert!(hand.import(&hand.desk.sign(&hand.token())).status.success());
    let recharge = hand.on_line(&["recharge", "--meter", "4711", "--confirm", "4711"]);
    assert!(meterkit(home, &recharge).status.success());
    let path = home.path().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("[\"ko\"]", "[\"k0\"]");
    std::fs::write(&path, text).unwrap();
    let said = found().unwrap();
    assert_eq!(said["state"], Code::Config.as_str(), "{said}");
    assert!(said["detail"].as_str().unwrap().contains("k0"), "{said}");
}
