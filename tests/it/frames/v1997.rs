//! Conversations with a meter of 1997: what is sent, blocks, follow-ups without a number, finding
//! an address, writes.

use std::time::Duration;

use meterkit::protocol::dlt645::dialogue::{
    Access, BroadcastTime, ChangeBaud, ExchangeError, FindAddress1997, PasswordOrder, ReadItems,
    Reply, Retry, Write, WriteAddress, WriteError,
};
use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::protocol::dlt645::items::decode_1997;
use meterkit::protocol::dlt645::words::Edition;
use meterkit::protocol::value::CivilTime;

use super::peer::{
    CHARACTER, TURNAROUND, Talk, answer, burst, meter, ms, reading_1997, talk, timing,
};

fn read(items: &[u32]) -> ReadItems {
    ReadItems::of(Edition::V1997, meter(), items.to_vec(), timing(), Retry::default())
}

fn asked<T>(talk: &Talk<T>) -> Vec<(u8, String)> {
    let hex = |data: &[u8]| data.iter().map(|byte| format!("{byte:02X}")).collect();
    talk.sent.iter().map(|(_, frame)| (frame.control, hex(&frame.data))).collect()
}

#[test]
fn the_frames_are_those_of_the_reference() {
    // Vector 041's meter and question: 68 75.. 68 01 02 52 C3 .. 16.
    let no = "75".parse().unwrap();
    let mut one =
        ReadItems::of(Edition::V1997, Address::meter(no), vec![0x901F], timing(), Retry::NONE);
    let mut bytes = Vec::new();
    let _ = talk(&mut one, |_, question| {
        bytes = question.encode(0);
        Vec::new()
    });
    assert_eq!(bytes, super::bytes_of("68750000000000680102 52C3 5D16".replace(' ', "").as_str()));
}

#[test]
fn reading_takes_the_wire_time_and_not_more() {
    let talk = talk(&mut read(&[0x9010, 0xB611]), |_, question| {
        answer(&reading_1997(
            question,
            if question.data[1] == 0x90 { &[1, 2, 3, 4] } else { &[5, 6] },
        ))
    });
    let values = [(0x9010, Reply::Data(vec![1, 2, 3, 4])), (0xB611, Reply::Data(vec![5, 6]))];
    assert_eq!(talk.output, Ok(values.to_vec()));
    // T = (p + q + 24 + 2d + N) * 11/b + Td, d = 2 (other-meters.md 6).
    let characters = (4 + 4 + 24 + 4) * 2 + 4 + 2;
    assert_eq!(talk.ended, CHARACTER * characters + TURNAROUND * 2);
}

#[test]
fn parts_without_a_number_are_joined_and_twice_the_same_is_not_two() {
    // Eight values and AA at the end, in three parts; zeros, so that parts look alike.
    let block = [&[0; 32][..], &[0xAA]].concat();
    for doubled in [false, true] {
        let mut items = read(&[0x901F]);
        let talk = talk(&mut items, |nth, question| {
            let part = &block[(nth * 12).min(33)..((nth + 1) * 12).min(33)];
            let mut frame = reading_1997(question, part);
            frame.control |= if nth < 2 { 0x20 } else { 0 };
            let bytes = frame.encode(4);
            let bytes = if doubled { [bytes.clone(), bytes].concat() } else { bytes };
            vec![burst(TURNAROUND, bytes)]
        });
        assert_eq!(talk.output, Ok(vec![(0x901F, Reply::Data(block.clone()))]), "{doubled}");
        let controls: Vec<u8> = talk.sent.iter().map(|(_, frame)| frame.control).collect();
        assert_eq!(controls, [0x01, 0x02, 0x02]);
        assert!(talk.sent.iter().all(|(_, frame)| frame.data == [0x1F, 0x90]));
    }
    assert_eq!(decode_1997(0x901F, &block).len(), 8);
}

#[test]
fn a_lost_part_begins_the_item_anew() {
    // The second part is lost once. Asking for it again would get the third.
    let mut sent = 0;
    let mut lost = false;
    let mut items = read(&[0x901F]);
    let talk = talk(&mut items, |_, question| {
        match question.control {
            0x01 if question.data == [0x1F, 0x90] => sent = 0,
            0x02 => sent += 1,
            _ => return answer(&reading_1997(question, &[0x47, 0, 0, 0, 0, 0])),
        }
        let mut frame = reading_1997(question, &[sent; 8]);
        frame.control |= if sent < 2 { 0x20 } else { 0 };
        if sent == 1 && !lost {
            lost = true;
            return Vec::new();
        }
        answer(&frame)
    });
    let whole = [[0; 8], [1; 8], [2; 8]].concat();
    assert_eq!(talk.output, Ok(vec![(0x901F, Reply::Data(whole))]));
    let probes = asked(&talk).iter().filter(|(_, data)| data != "1F90").count();
    assert!(probes >= 1, "a question of another shape first");
}

#[test]
fn a_wrong_length_in_parts_is_not_taken() {
    let mut items = read(&[0x901F]);
    let talk = talk(&mut items, |_, question| match question.control {
        0x01 if question.data == [0x1F, 0x90] => {
            let mut frame = reading_1997(question, &[1; 8]);
            frame.control |= 0x20;
            answer(&frame)
        }
        0x02 => answer(&reading_1997(question, &[2; 6])),
        _ => answer(&reading_1997(question, &[0x47, 0, 0, 0, 0, 0])),
    });
    // 14 bytes are three values of four and two bytes more.
    assert_eq!(talk.output, Err(ExchangeError::Form));
}

#[test]
fn trouble_is_probed_with_another_item() {
    for (item, probes) in [(0x9010, ["32C0", "32C0"]), (0xC032, ["1090", "1090"])] {
        let talk = talk(&mut read(&[item]), |_, _| Vec::new());
        assert_eq!(talk.output, Err(ExchangeError::Silent));
        let own = format!("{:02X}{:02X}", item & 0xFF, item >> 8);
        let questions: Vec<String> = asked(&talk).into_iter().map(|(_, data)| data).collect();
        assert_eq!(questions[0], own);
        assert!(!questions[1..].contains(&own) && questions.contains(&probes[0].to_owned()));
    }
}

#[test]
fn refusals_are_read_by_the_edition_of_1997() {
    let talk = talk(&mut read(&[0xEEEE]), |_, _| answer(&Frame::new(meter(), 0xC1, [0x02])));
    let Ok([(_, Reply::Refused(word))]) = talk.output.as_deref() else { panic!() };
    assert_eq!(word.names(), ["no-such-identifier"]);
}

/// Finds the address of a meter that hears `heard` and answers as `reply` says.
fn find(
    heard: &[Address],
    reply: impl Fn(&Frame) -> Frame,
) -> (Result<String, ExchangeError>, Vec<(Address, u16)>) {
    let mut find = FindAddress1997::new(timing(), Retry::NONE);
    let talk = talk(&mut find, |_, question| match heard.contains(&question.address) {
        true => answer(&reply(question)),
        false => Vec::new(),
    });
    let asked = talk
        .sent
        .iter()
        .map(|(_, frame)| (frame.address, u16::from_le_bytes([frame.data[0], frame.data[1]])));
    (talk.output.map(|no| no.to_string()), asked.collect())
}

#[test]
fn an_address_is_found_through_either_wildcard() {
    let both = [Address::ANY, Address::BROADCAST];
    let own = |question: &Frame| reading_1997(question, &[9, 9, 9, 9, 9, 9]);
    let refused = |_: &Frame| Frame::new(meter(), 0xC1, [0x02]);
    let at = "000000000047".to_owned();
    assert_eq!(find(&both, own), (Ok(at.clone()), vec![(Address::ANY, 0xC032)]));
    assert_eq!(find(&both, refused).0, Ok(at.clone()), "a refusal names it, too");
    // Firmware that hears only 99 (trap 6).
    let (found, asked) = find(&both[1..], own);
    assert_eq!(found, Ok(at));
    assert_eq!(asked, [(Address::ANY, 0xC032), (Address::BROADCAST, 0xC032)]);
    // Headers that repeat the wildcard: then the number read counts, C034 where C032 is unknown.
    for to in both {
        let echoed = |question: &Frame| {
            let frame = match u16::from_le_bytes([question.data[0], question.data[1]]) {
                0xC034 => reading_1997(question, &[0x12, 0, 0, 0, 0, 0x20]),
                _ => Frame::new(meter(), 0xC1, [0x02]),
            };
            Frame { address: to, ..frame }
        };
        assert_eq!(find(&[to], echoed).0, Ok("200000000012".to_owned()), "{to}");
    }
    assert_eq!(find(&[], own).0, Err(ExchangeError::Silent));
}

#[test]
fn commands_go_out_as_the_table_says() {
    let access = Access {
        level: 2,
        password: [0x12, 0x34, 0x56],
        operator: [0x11, 0x22, 0x33, 0x44],
        order: PasswordOrder::LowFirst,
    };
    let mut write =
        Write::v1997(meter(), 0xC010, &access, &[5, 0x20, 0x11, 0x26], timing()).unwrap();
    let sent = talk(&mut write, |_, _| answer(&Frame::new(meter(), 0x84, [])));
    assert_eq!(sent.output, Ok(vec![]));
    // No operator code behind the password.
    assert_eq!(asked(&sent), [(0x04, "10C00256341205201126".to_owned())]);

    let mut write = Write::v1997(meter(), 0xC010, &access, &[5], timing()).unwrap();
    let refused = talk(&mut write, |_, _| answer(&Frame::new(meter(), 0xC4, [0x04])));
    let Err(ExchangeError::Refused(word)) = refused.output else { panic!() };
    assert_eq!(word.names(), ["wrong-password"]);

    let mut silent = Write::v1997(meter(), 0xC010, &access, &[5], timing()).unwrap();
    let lost = talk(&mut silent, |_, _| Vec::new());
    assert_eq!((lost.output, lost.sent.len()), (Err(ExchangeError::Silent), 1), "sent once");
    let purse = Write::v1997(meter(), 0xD141, &access, &[0; 4], timing());
    assert!(matches!(purse, Err(WriteError::Money(0xD141))));
    let long = Write::v1997(meter(), 0xC411, &access, &[0; 200], timing());
    assert!(matches!(long, Err(WriteError::TooLong(200))));

    let to = "12".parse().unwrap();
    let mut address = WriteAddress::v1997(Address::BROADCAST, to, timing());
    let sent = talk(&mut address, |_, _| answer(&Frame::new(Address::meter(to), 0x8A, [])));
    assert_eq!(sent.output, Ok(vec![]));
    assert_eq!(asked(&sent), [(0x0A, "120000000000".to_owned())]);

    let mut baud = ChangeBaud::v1997(meter(), 2400, timing()).unwrap();
    let sent = talk(&mut baud, |_, _| answer(&Frame::new(meter(), 0x8C, [0x10])));
    assert_eq!(
        (sent.output.clone(), asked(&sent)),
        (Ok(vec![0x10]), vec![(0x0C, "10".to_owned())])
    );
    assert!(ChangeBaud::v1997(meter(), 19_200, timing()).is_none());

    let time = CivilTime { year: 26, month: 11, day: 20, hour: 12, minute: 34, second: 56 };
    let mut broadcast = BroadcastTime::new(time, timing());
    let sent = talk(&mut broadcast, |_, _| Vec::new());
    assert_eq!(asked(&sent), [(0x08, "563412201126".to_owned())]);
    assert!(sent.ended < Duration::from_secs(2) && sent.ended > ms(100));
}
