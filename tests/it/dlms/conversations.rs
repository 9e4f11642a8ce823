//! Conversations on a good line.

use std::time::Duration;

use meterkit::protocol::dlms::ask::Knock;
use meterkit::protocol::dlms::{
    Address, Answer, Auth, Data, Ended, Entry, Failure, Got, LinkTrouble, Reading, Request,
    Session, read, readings,
};
use meterkit::protocol::exchange::{Once, Refusal, Reply, Retry, Trouble};
use meterkit::protocol::value::{Decimal, Value};

use super::line::*;
use super::meter::Meter;

fn value(ended: &Ended, index: usize) -> &Data {
    match &ended.replies[index] {
        Reply::Data(Answer::Value(data)) => data,
        other => panic!("{other:?}"),
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn a_register_is_read_exactly_and_the_link_is_closed() {
    let wrong = (3, [1, 0, 32, 7, 0, 255], 2);
    let bare = (3, [1, 0, 31, 7, 0, 255], 2);
    let empty = (3, [1, 0, 14, 7, 0, 255], 2);
    let mut meter = meter()
        .with(wrong, &[23, 0x3F, 0xC0, 0, 0])
        .with((3, wrong.1, 3), &[2, 2, 15, 0xFF, 22, 35])
        .with(bare, &[18, 0, 5])
        .with(empty, &[0])
        .with((3, empty.1, 3), &[2, 2, 15, 0xFE, 22, 44])
        .with(SCALER, &[2, 2, 15, 0xFD, 22, 30]);
    let float = (4, [1, 0, 33, 7, 0, 255], 2);
    meter.objects.insert(float, vec![23, 0x3F, 0xC0, 0, 0]);
    meter.objects.insert((4, float.1, 3), vec![2, 2, 15, 0, 22, 255]);
    let items = [ENERGY, NAME, wrong, bare, empty, float].map(at);
    let mut session =
        read(address(), Auth::None, &items, timing(), Retry::default(), Entry::Direct);
    let talk = plain(&mut session, &mut meter);
    let ended = talk.output;
    assert_eq!(ended.failure, None);
    let good = |value, unit: &str| Ok(Reading { value, unit: unit.to_owned() });
    let no = Err(Refusal { code: 4, name: "object-undefined" });
    assert_eq!(
        readings(&items, &ended),
        [
            good(Value::Number(Decimal { digits: 1_234_567, decimals: 3 }), "Wh"),
            good(Value::Text("GRX0000000012345".to_owned()), ""),
            // A float with a scaler would have to be counted with.
            good(Value::Invalid("173FC00000".to_owned()), ""),
            no,
            good(Value::Missing, ""),
            good(Value::Text("1.5".to_owned()), ""),
        ]
    );
    assert!(!meter.connected, "DISC was sent");
    assert_eq!(ended.association.unwrap().max_pdu, 512);
    // SNRM, AARQ, six values and five scalers, RLRQ, DISC.
    assert_eq!(talk.sent.len(), 15);
    // After a failure there is what was whole.
    let cut = Ended { replies: ended.replies[..2].to_vec(), ..ended.clone() };
    assert_eq!(readings(&items, &cut).len(), 1);
    let cut = Ended { replies: ended.replies[..1].to_vec(), ..ended };
    assert_eq!(readings(&items, &cut).len(), 0, "a register without its scaler is not read");
}

/// The captures of the reference (u9n client against the Gurux server) begin and end like this.
#[test]
fn frames_are_those_of_the_captures() {
    let mut meter = meter();
    let talk = plain(&mut session(vec![get(NAME)]), &mut meter);
    let sent: Vec<&Vec<u8>> = talk.sent.iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(*sent[0], hex("7ea0070321930f017e"));
    assert_eq!(*sent[2], hex("7ea0190321326fd8e6e600c001c1000100002a0000ff020012807e"));
    assert_eq!(**sent.last().unwrap(), hex("7ea00703215303c77e"));
    // As the Gurux client's AARQ but for what is proposed.
    let aarq = hex("e6e600601da109060760857405080101be10040e01000000065f1f0400");
    assert_eq!(sent[1][8..8 + aarq.len()], aarq);
    assert_eq!(value(&talk.output, 0), &Data::Octets(b"GRX0000000012345".to_vec()));
}

#[test]
fn the_fastest_way_costs_the_wire_and_the_turnarounds() {
    let mut meter = meter();
    let talk = plain(&mut session(vec![get(ENERGY); 8]), &mut meter);
    let asked: u32 = talk.sent.iter().map(|(_, bytes)| bytes.len() as u32).sum();
    let count = talk.sent.len() as u32;
    // UA twice, AARE, eight answers, RLRE.
    let told = 9 * 2 + 0x37 + 2 + 8 * (17 + 3 + 4) + 17 + 3;
    let floor = CHARACTER * (asked + told) + TURNAROUND * count;
    assert!(talk.ended >= floor - CHARACTER * 20 && talk.ended <= floor + CHARACTER * 20);
}

#[test]
fn long_addresses_and_other_clients_work() {
    for (text, server, client) in [
        ("1/17", vec![0x02, 0x23], 0x21),
        ("1//17:32", vec![0x00, 0x02, 0x00, 0x23], 0x41),
        ("1:1", vec![0x03], 0x03),
        ("300//16383:127", vec![0x04, 0x58, 0xFE, 0xFF], 0xFF),
    ] {
        let mut meter = Meter { server, client, ..meter() };
        let address = Address::parse(text).unwrap();
        let mut session = Session::new(
            address,
            Auth::None,
            vec![get(ENERGY)],
            timing(),
            Retry::NONE,
            Entry::Direct,
        );
        let talk = plain(&mut session, &mut meter);
        assert_eq!(value(&talk.output, 0), &Data::Uint(4, 1_234_567), "{text}");
    }
}

fn with_password(password: &[u8]) -> Session {
    let auth = Auth::Password(password.to_vec());
    Session::new(address(), auth, vec![get(ENERGY)], timing(), Retry::default(), Entry::Direct)
}

#[test]
fn a_password_opens_the_meter_and_is_never_shown() {
    let mut meter = Meter { password: Some(b"Pa55word".to_vec()), ..meter() };
    let mut session = with_password(b"Pa55word");
    let mut shown = format!("{session:?}");
    let talk = talk(&mut session, |_, bytes| heard(&mut meter, bytes));
    assert_eq!(value(&talk.output, 0), &Data::Uint(4, 1_234_567));
    shown.push_str(&format!("{session:?} {:?}", talk.output));
    assert!(!shown.contains("Pa55") && !shown.contains("80, 97, 53, 53"), "{shown}");
    for (given, diagnostic, name) in [
        (Auth::None, 14, "authentication-required"),
        (Auth::Password(b"wrong".to_vec()), 13, "authentication-failure"),
    ] {
        let mut session =
            Session::new(address(), given, vec![get(NAME)], timing(), Retry::NONE, Entry::Direct);
        let talk = plain(&mut session, &mut meter);
        let refusal = Refusal { code: 0x100 + diagnostic, name };
        assert_eq!(talk.output.failure, Some(Failure::Association(refusal)));
        assert!(talk.output.replies.is_empty());
        assert!(!meter.connected, "DISC was sent");
    }
}

#[test]
fn answers_in_parts_are_put_together() {
    for info in [12, 32, 64, 128] {
        // The long value takes more than eight frames of these, so that N(S) goes round.
        let mut meter = Meter { info, ..meter() };
        let talk = plain(&mut session(vec![get(LONG), get(ENERGY)]), &mut meter);
        assert_eq!(value(&talk.output, 0), &Data::Octets(long_value()), "{info}");
        assert_eq!(value(&talk.output, 1), &Data::Uint(4, 1_234_567), "{info}");
    }
}

#[test]
fn blocks_are_put_together() {
    for block in [50, 300, 599, 600] {
        let mut meter = Meter { block, info: 64, ..meter() };
        let talk = plain(&mut session(vec![get(LONG), get(ENERGY)]), &mut meter);
        assert_eq!(value(&talk.output, 0), &Data::Octets(long_value()), "{block}");
        assert_eq!(value(&talk.output, 1), &Data::Uint(4, 1_234_567), "{block}");
        let asked = meter.asked.iter().filter(|apdu| apdu.starts_with(&[0xC0])).count();
        assert_eq!(asked, 601_usize.div_ceil(block) + 1);
    }
}

#[test]
fn several_at_once_or_one_by_one() {
    let list = Request::GetList(vec![at(ENERGY), at((1, [9; 6], 2)), at(NAME)]);
    let want = Answer::List(vec![
        Got::Data(Data::Uint(4, 1_234_567)),
        Got::Refused(4),
        Got::Data(Data::Octets(b"GRX0000000012345".to_vec())),
    ]);
    // With the bit for several references, without it, and with too short messages.
    for (conformance, max_pdu, asked) in
        [([0, 0x1A, 0x19], 512, 1), ([0, 0x18, 0x19], 512, 3), ([0, 0x1A, 0x19], 33, 3)]
    {
        let mut meter = Meter { conformance, max_pdu, ..meter() };
        let talk = plain(&mut session(vec![list.clone(), get(ENERGY)]), &mut meter);
        assert_eq!(talk.output.failure, None);
        assert_eq!(talk.output.replies[0], Reply::Data(want.clone()));
        let gets = meter.asked.iter().filter(|apdu| apdu[0] == 0xC0).count();
        assert_eq!(gets, asked + 1);
    }
    let mut meter = meter();
    let talk = plain(&mut session(vec![Request::GetList(vec![])]), &mut meter);
    assert_eq!(talk.output.replies, [Reply::Data(Answer::List(vec![]))]);
}

#[test]
fn refusals_have_names_and_do_not_end_the_conversation() {
    let unknown = (3, [1, 1, 1, 1, 1, 1], 2);
    let mut meter = meter();
    let requests = vec![get(unknown), Request::Set(at(unknown), Data::Bool(true)), get(ENERGY)];
    let talk = plain(&mut session(requests), &mut meter);
    let no = Reply::Refused(Refusal { code: 4, name: "object-undefined" });
    assert_eq!(talk.output.replies[..2], [no.clone(), no]);
    assert_eq!(value(&talk.output, 2), &Data::Uint(4, 1_234_567));
    // An exception is an answer as well.
    let mut deaf = session(vec![get(ENERGY)]);
    let talk = talk_with_exception(&mut deaf, &mut meter);
    let no = Reply::Refused(Refusal { code: 0x0102, name: "service-not-supported" });
    assert_eq!(talk.replies, [no]);
    assert_eq!(talk.failure, None);
}

fn talk_with_exception(session: &mut Session, meter: &mut Meter) -> Ended {
    talk(session, |number, bytes| match number {
        2 => {
            // The reference's frame: N(S) 4 there, 1 here; so it is made anew.
            let _ = meter.hear(bytes);
            let info = [0xE6, 0xE7, 0x00, 0xD8, 1, 2];
            vec![burst(TURNAROUND, meter.reply(0x52, false, &info))]
        }
        _ => heard(meter, bytes),
    })
    .output
}

#[test]
fn writes_and_methods_are_done_once() {
    let mut meter = meter();
    let long = Data::Octets((0..1500).map(|n| n as u8).collect());
    let requests = vec![
        Request::Set(at(NAME), Data::Visible(b"new".to_vec())),
        Request::Set(at(LONG), long.clone()),
        Request::Action(at((70, [0, 0, 96, 3, 10, 255], 1)), Some(Data::Int(1, 0))),
        get(LONG),
    ];
    let talk = plain(&mut session(requests), &mut meter);
    assert_eq!(talk.output.failure, None);
    let done = Reply::Data(Answer::Done(None));
    assert_eq!(talk.output.replies[..3], [done.clone(), done.clone(), done]);
    assert_eq!(value(&talk.output, 3), &long);
    assert_eq!(meter.done.len(), 3);
    assert_eq!(meter.done[0], (NAME, b"\x0A\x03new".to_vec()));
    assert_eq!(meter.done[2].1, [1, 15, 0]);
    assert!(meter.asked.iter().all(|apdu| apdu.len() <= 512), "the meter takes 512 bytes");
}

#[test]
fn a_write_too_long_for_the_meter_is_not_sent() {
    let mut meter = Meter { conformance: [0, 0x12, 0x19], ..meter() };
    let requests = vec![Request::Set(at(LONG), Data::Octets(vec![1; 600])), get(ENERGY)];
    let talk = plain(&mut session(requests), &mut meter);
    assert_eq!(talk.output.failure, Some(Failure::TooLong));
    assert_eq!(talk.output.unknown, None);
    assert!(meter.done.is_empty() && !meter.connected);
}

#[test]
fn larger_frames_are_agreed_on() {
    let mut meter = Meter { params: Some((300, 64)), info: 300, block: 2000, ..meter() };
    let requests = vec![get(LONG), Request::Set(at(NAME), Data::Octets(vec![7; 200])), get(NAME)];
    let talk = plain(&mut session(requests).offering(512), &mut meter);
    assert_eq!(value(&talk.output, 0), &Data::Octets(long_value()));
    assert_eq!(value(&talk.output, 2), &Data::Octets(vec![7; 200]));
    // 81 80 14 05 02 0200 06 02 0200 07 04 00000001 08 04 00000001
    assert!(talk.sent[0].1.windows(8).any(|w| w == [0x05, 2, 2, 0, 0x06, 2, 2, 0]));
    // The meter receives 64 bytes of information at most.
    let overhead = 2 + 2 + 2 + 1 + 4;
    let longest = talk.sent.iter().map(|(_, bytes)| bytes.len()).max().unwrap();
    assert_eq!(longest, 64 + overhead);
}

#[test]
fn a_meter_that_needs_time_is_asked_again_whether_it_is_ready() {
    let mut meter = Meter { slow: 3, ..meter() };
    let talk = plain(&mut session(vec![get(ENERGY)]), &mut meter);
    assert_eq!(value(&talk.output, 0), &Data::Uint(4, 1_234_567));
    let mut meter = Meter { slow: 1000, ..super::line::meter() };
    let talk = plain(&mut session(vec![get(ENERGY)]), &mut meter);
    assert_eq!(talk.output.failure, Some(Failure::Link(LinkTrouble::Busy)));
    assert!(talk.sent.len() < 20);
}

#[test]
fn a_meter_that_will_not_talk_is_named() {
    let mut deny = session(vec![get(ENERGY)]);
    let ended = talk(&mut deny, |_, _| vec![burst(TURNAROUND, meter().reply(0x1F, false, &[]))]);
    assert_eq!(ended.output.failure, Some(Failure::Link(LinkTrouble::Refused)));
    let mut reject = session(vec![get(ENERGY)]);
    let mut own = meter();
    let ended = talk(&mut reject, |number, bytes| match number {
        1 => vec![burst(TURNAROUND, own.reply(0x97, false, &[0x10, 0, 1]))],
        _ => heard(&mut own, bytes),
    });
    assert_eq!(ended.output.failure, Some(Failure::Link(LinkTrouble::Rejected)));
    assert!(!own.connected);
}

#[test]
fn values_of_kinds_that_are_not_read_keep_their_bytes() {
    let compact = [19, 17, 3, 1, 2, 3];
    let mut meter = meter().with(NAME, &compact);
    let talk = plain(&mut session(vec![get(NAME), get(ENERGY)]), &mut meter);
    let opaque = Answer::Opaque("compact_array", compact.to_vec());
    assert_eq!(talk.output.replies[0], Reply::Data(opaque));
    assert_eq!(value(&talk.output, 1), &Data::Uint(4, 1_234_567));
}

/// What a survey asks: is there a meter? Then it is let go again.
#[test]
fn a_knock_finds_a_meter() {
    let mut meter = Meter { server: vec![0x02, 0x23], params: Some((128, 128)), ..meter() };
    let address = Address::parse("1/17").unwrap();
    let knock = |question: Knock, meter: &mut Meter| {
        let mut once = Once::new(question, timing(), Duration::ZERO);
        talk(&mut once, |_, bytes| {
            let echo = burst(Duration::ZERO, bytes);
            let answer = meter.hear(bytes).map(|a| burst(ms(100), a));
            [Some(echo), answer].into_iter().flatten().collect()
        })
        .output
    };
    assert_eq!(knock(Knock::Hello(address), &mut meter), Ok(Reply::Data(address.server)));
    assert!(meter.connected);
    assert_eq!(knock(Knock::Goodbye(address), &mut meter), Ok(Reply::Data(address.server)));
    assert!(!meter.connected);
    let no = Refusal { code: 0x1F, name: "disconnected-mode" };
    assert_eq!(knock(Knock::Goodbye(address), &mut meter), Ok(Reply::Refused(no)));
    let other = Address::parse("1/18").unwrap();
    assert_eq!(knock(Knock::Hello(other), &mut meter), Err(Trouble::Garbled), "only our echo");
}
