//! The simulated meter, asked by our own dialogues over a good line: all modes, all commands.

use meterkit::profile::Profile;
use meterkit::protocol::exchange::{Refusal, Reply, Retry, Trouble};
use meterkit::protocol::iec62056::ask::{Readout, Setup};
use meterkit::protocol::iec62056::frame::Address;
use meterkit::protocol::iec62056::program::{Kind, Order, Read, Session, Write, Written};
use meterkit::protocol::value::{Decimal, Value};
use meterkit::sim::iec::{IecBus, IecFault};

use super::peer::{Bad, Talk, access, bus, meter, ms, order, readout, reads, talk, timing};

fn number(digits: i64, decimals: u8) -> Value {
    Value::Number(Decimal { digits, decimals })
}

/// The speed of the table and what was asked of the line.
fn speeds(ident: &str) -> (u32, Vec<u32>) {
    let talk = talk(&mut readout(), &mut bus(ident), &Bad::default());
    let table = talk.output.unwrap();
    assert_eq!(table.find("1.8.0").unwrap().value(), number(1_234_560, 3), "{ident}");
    assert_eq!(table.find("1-0:1.8.0").unwrap().unit.as_deref(), Some("kWh"));
    assert_eq!(table.find("0.0.0").unwrap().value(), Value::Text("000000000047".to_owned()));
    assert_eq!((table.sets.len(), table.faults.len()), (16, 0));
    (table.baud, talk.tuned.into_iter().map(|(_, baud)| baud).collect())
}

#[test]
fn every_mode_is_read_out_at_the_speed_it_offers() {
    assert_eq!(speeds("MTK x"), (300, vec![300]), "mode A");
    for (rate, baud) in "ABCDEF".chars().zip([600, 1200, 2400, 4800, 9600, 19200]) {
        assert_eq!(speeds(&format!("MTK{rate}x")), (baud, vec![300, baud]), "mode B");
    }
    for (rate, baud) in "123456".chars().zip([600, 1200, 2400, 4800, 9600, 19200]) {
        assert_eq!(speeds(&format!("MTK{rate}x")), (baud, vec![300, baud]), "mode C");
    }
    assert_eq!(speeds("MTK0x"), (300, vec![300]));
    assert_eq!(speeds("MTK9x"), (300, vec![300]), "reserved");
    assert_eq!(speeds("mtk5\\2x"), (9600, vec![300, 9600]), "mode E is offered, C is taken");
}

#[test]
fn no_faster_than_wanted() {
    let setup = Setup { fastest: 4800, ..Setup::default() };
    let mut readout = Readout::new(setup, timing(), Retry::default());
    let talk = talk(&mut readout, &mut bus("MTK6x"), &Bad::default());
    assert_eq!(talk.output.unwrap().baud, 4800);
    assert_eq!(talk.sent[1].1, b"\x06040\r\n");
}

#[test]
fn one_of_several_meters_answers_to_its_address() {
    let mut meters: Vec<_> = (0..3).map(|_| meter("MTK5x")).collect();
    for (meter, address) in meters.iter_mut().zip(["11", "22", "33"]) {
        meter.setup_mut().address = address.to_owned();
        meter.put("C.1.0", address);
    }
    let mut bus = IecBus::new(meters);
    for (address, there) in [("22", true), ("0033", true), ("44", false)] {
        let setup = Setup { address: Address::parse(address).unwrap(), ..Setup::default() };
        let mut readout = Readout::new(setup, timing(), Retry::NONE);
        let output = talk(&mut readout, &mut bus, &Bad::default()).output;
        match output {
            Ok(table) if there => {
                let own = &table.find("C.1.0").unwrap().value;
                assert_eq!(own.as_str(), address.trim_start_matches('0'));
            }
            other => assert_eq!((other, there), (Err(Trouble::Silent), false)),
        }
    }
}

#[test]
fn a_sleeping_meter_is_woken() {
    let setup = Setup { wake: true, ..Setup::default() };
    let mut readout = Readout::new(setup, timing(), Retry::NONE);
    let talk = talk(&mut readout, &mut bus("MTK5x"), &Bad::default());
    assert!(talk.output.is_ok());
    assert_eq!(talk.sent[0].1, [0; 66]);
    let pause = talk.sent[1].0 - ms(2200);
    assert!((ms(1500)..=ms(1700)).contains(&pause), "{pause:?}");
}

#[test]
fn a_session_reads_and_ends_with_a_break() {
    for ident in ["MTK5x", "mtk3x", "MTK0x", "MTKEx", "MTK x"] {
        let mut bus = bus(ident);
        bus.meters_mut()[0].setup_mut().waits = true;
        let talk = talk(&mut reads(&["1.8.0", "9.9.9", "0.0.0"]), &mut bus, &Bad::default());
        let Ok(Reply::Data(session)) = talk.output else { panic!("{ident}: {:?}", talk.output) };
        let [Reply::Data(energy), Reply::Refused(refusal), Reply::Data(own)] =
            session.answers.as_slice()
        else {
            panic!("{ident}: {:?}", session.answers)
        };
        assert_eq!((energy.len(), energy[0].value()), (1, number(1_234_560, 3)), "{ident}");
        assert_eq!(*refusal, Refusal { code: 2, name: "error-answer" });
        assert_eq!(own[0].value, "000000000047");
        let asks = !["MTKEx", "MTK x"].contains(&ident);
        assert_eq!(session.seed.is_some(), asks, "{ident}: only mode C calls for a password");
        assert_eq!(talk.sent.last().unwrap().1, b"\x01B0\x03q", "{ident}");
        assert!(!bus.meters()[0].in_session(), "{ident}: the break reached it");
    }
}

/// A meter with so many values at P.01, and those values.
fn with_profile(count: usize) -> (IecBus, Vec<String>) {
    let mut meter = meter("MTK6x");
    let values: Vec<String> = (0..count).map(|n| format!("{n:03}.{n:03}")).collect();
    meter.put("P.01", &values.join(")("));
    (IecBus::new(vec![meter]), values)
}

fn values(session: &Session) -> Vec<String> {
    let [Reply::Data(sets), ..] = session.answers.as_slice() else { panic!("{session:?}") };
    sets.iter().map(|set| set.value.clone()).collect()
}

#[test]
fn a_long_value_comes_in_blocks() {
    let (mut bus, wanted) = with_profile(200);
    // 1804 characters, 48 a block.
    for (kind, blocks) in [(Kind::Maker, 1), (Kind::MakerBlocks, 38), (Kind::AsciiBlocks, 38)] {
        let orders = vec![Order::new(kind, "P.01").unwrap(), order("0.0.0")];
        let mut read = Read::new(Setup::default(), None, orders, timing(), Retry::NONE);
        let talk = talk(&mut read, &mut bus, &Bad::default());
        let Ok(Reply::Data(session)) = talk.output else { panic!("{:?}", talk.output) };
        assert_eq!(values(&session), wanted, "{kind:?}");
        let acks = talk.sent.iter().filter(|(_, bytes)| *bytes == [6]).count();
        assert_eq!(acks + 1, blocks, "{kind:?}: every block but the last");
    }
}

#[test]
fn a_spoilt_block_is_asked_for_again() {
    for spoilt in 3..12 {
        let (mut bus, wanted) = with_profile(60);
        // Identification, P0 and the password's ACK come first; from then on the blocks.
        for _ in 0..spoilt {
            bus.meters_mut()[0].arm(IecFault::Late(ms(0)));
        }
        bus.meters_mut()[0].arm(IecFault::Garbled);
        let orders = vec![Order::new(Kind::MakerBlocks, "P.01").unwrap()];
        let (setup, retry) = (Setup::default(), Retry { reads: 1 });
        let mut read = Read::new(setup, access("00000000"), orders, timing(), retry);
        let talk = talk(&mut read, &mut bus, &Bad::default());
        let Ok(Reply::Data(session)) = talk.output else { panic!("{spoilt}: {:?}", talk.output) };
        assert_eq!(values(&session), wanted, "{spoilt}");
        let naks = talk.sent.iter().filter(|(_, bytes)| *bytes == [0x15]).count();
        let breaks = talk.sent.iter().filter(|(_, bytes)| bytes.starts_with(b"\x01B")).count();
        assert_eq!((naks, breaks), (1, 1), "{spoilt}: repeated, the session goes on");
    }
}

fn write(value: &str, password: Option<&str>) -> Write {
    let order = order("0.9.1").with(value).unwrap();
    let access = password.and_then(access);
    Write::new(Setup::default(), access, order, timing(), Retry::default())
}

fn written(bus: &mut IecBus, value: &str, password: Option<&str>) -> Talk<Written> {
    talk(&mut write(value, password), bus, &Bad::default())
}

#[test]
fn a_value_is_written_once() {
    let mut bus = bus("MTK5x");
    let talk = written(&mut bus, "11:22:33", Some("00000000"));
    assert_eq!(talk.output, Written::Done);
    let wanted = [("0.9.1".to_owned(), "11:22:33".to_owned())];
    assert_eq!(bus.meters()[0].writes(), wanted);
    assert_eq!(bus.meters()[0].value("0.9.1").as_deref(), Some("11:22:33"));
    assert_eq!(talk.sent.last().unwrap().1, b"\x01B0\x03q");
}

#[test]
fn refusals_name_what_was_refused() {
    let password = |code| Written::Refused(Refusal { code, name: "password" });
    let mut bus = bus("MTK5x");
    assert_eq!(written(&mut bus, "1", Some("12345678")).output, password(1));
    let refused = Refusal { code: 3, name: "error-answer" };
    assert_eq!(written(&mut bus, "1", None).output, Written::Refused(refused));
    assert!(bus.meters()[0].writes().is_empty());
}

#[test]
fn a_write_is_never_repeated_by_itself() {
    // Faults in the order of the answers: identification, P0, ACK to the password, to the write.
    let harmless = IecFault::Late(ms(0));
    for fault in [IecFault::Lost, IecFault::Garbled, IecFault::Late(ms(1700))] {
        let mut bus = bus("MTK5x");
        for fault in [harmless, harmless, harmless, fault] {
            bus.meters_mut()[0].arm(fault);
        }
        let talk = written(&mut bus, "1", Some("00000000"));
        assert!(matches!(talk.output, Written::Unknown(_)), "{fault:?}: {:?}", talk.output);
        assert_eq!(bus.meters()[0].writes().len(), 1, "{fault:?}");
        let left = talk.sent.iter().filter(|(_, bytes)| bytes.starts_with(b"\x01W")).count();
        assert_eq!(left, 1, "{fault:?}");
        assert!(!bus.meters()[0].in_session(), "{fault:?}");
    }
    // Trouble before it is tried again.
    for place in 0..3 {
        let mut bus = bus("MTK5x");
        for at in 0..3 {
            bus.meters_mut()[0].arm(if at == place { IecFault::Garbled } else { harmless });
        }
        let talk = written(&mut bus, "1", Some("00000000"));
        assert_eq!(talk.output, Written::Done, "{place}");
        assert_eq!(bus.meters()[0].writes().len(), 1, "{place}");
    }
    // A meter that is never there.
    let mut dead = IecBus::new(Vec::new());
    assert_eq!(written(&mut dead, "1", None).output, Written::NotSent(Trouble::Silent));
}

#[test]
fn a_wrong_password_goes_out_once_and_twice_at_most() {
    // How often nothing comes back to it.
    for (lost, wanted) in [(0, 1), (1, 2), (9, 2)] {
        let mut bus = bus("MTK5x");
        for _ in 0..lost {
            // Identification, P0, and the answer to the password.
            for fault in [IecFault::Late(ms(0)), IecFault::Late(ms(0)), IecFault::Lost] {
                bus.meters_mut()[0].arm(fault);
            }
        }
        let talk = written(&mut bus, "1", Some("wrong"));
        let times = talk.sent.iter().filter(|(_, bytes)| bytes.starts_with(b"\x01P1")).count();
        assert_eq!(times, wanted, "{lost}: {:?}", talk.output);
        assert!(bus.meters()[0].writes().is_empty());
    }
}

#[test]
fn a_password_is_in_no_debug_output() {
    let order = order("1.8.0");
    let mut read =
        Read::new(Setup::default(), access("S3CRET99"), vec![order], timing(), Retry::NONE);
    assert!(!format!("{read:?}").contains("S3CRET99"));
    let _ = talk(&mut read, &mut bus("MTK5x"), &Bad::default());
    assert!(!format!("{read:?}").contains("S3CRET99"));
}

#[test]
fn a_line_of_meters_is_made_from_a_file() {
    let find = |id: &str| Profile::built_in(id).ok();
    let text = r#"
[[meter]]
no = "000000000047"
profile = "iec-generic"
address = "47"
ident = "mtk6demo"
energy = "12.34"
password = "1"
"#;
    let mut bus = IecBus::from_toml(text, &find).unwrap();
    let setup = Setup { address: Address::parse("47").unwrap(), ..Setup::default() };
    let mut readout = Readout::new(setup, timing(), Retry::NONE);
    let table = talk(&mut readout, &mut bus, &Bad::default()).output.unwrap();
    assert_eq!((table.ident.text.as_str(), table.baud), ("demo", 19200));
    assert_eq!(table.find("1.8.0").unwrap().value(), number(12_340, 3));
    for (bad, word) in [
        ("[[meter]]\nno = \"1\"\nprofile = \"x\"\n", "no profile"),
        ("[[meter]]\nno = \"1\"\nprofile = \"iec-generic\"\nident = \"1\"\n", "identification"),
        ("[[meter]]\nno = \"1\"\nspeed = 1\n", "unknown field"),
    ] {
        let error = IecBus::from_toml(bad, &find).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
