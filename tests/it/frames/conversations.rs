//! Conversations on a good line: what is sent, what is understood, and that no time is wasted.

use std::time::Duration;

use meterkit::protocol::dlt645::dialogue::{
    Access, AccountStatus, BroadcastTime, ChangeBaud, ChangePassword, ExchangeError, FindAddress,
    Freeze, FreezeWhen, OpenAccount, PasswordOrder, ReadItems, Relay, Reply, Retry, Write,
    WriteAddress, WriteError,
};
use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::protocol::dlt645::words::RelayCommand;
use meterkit::protocol::value::CivilTime;
use meterkit::units::PurchaseCount;

use super::peer::{CHARACTER, TURNAROUND, answer, meter, ms, reading, talk, timing};

const ENERGY: u32 = 0x0001_0000;
const BALANCE: u32 = 0x0090_0200;
const STATUS: u32 = 0x0400_0503;

fn access() -> Access {
    Access {
        level: 2,
        password: [0x12, 0x34, 0x56],
        operator: [0x11, 0x22, 0x33, 0x44],
        order: PasswordOrder::LowFirst,
    }
}

fn time() -> CivilTime {
    CivilTime { year: 26, month: 11, day: 20, hour: 12, minute: 34, second: 56 }
}

#[test]
fn reading_takes_the_wire_time_and_not_more() {
    let items = vec![ENERGY, BALANCE, STATUS];
    let mut read = ReadItems::new(meter(), items, timing(), Retry::default());
    let talk = talk(&mut read, |_, question| answer(&reading(question, &[1, 2, 3, 4])));
    let Ok(replies) = &talk.output else { panic!("{:?}", talk.output) };
    assert_eq!(replies.len(), 3);
    assert!(replies.iter().all(|(_, reply)| *reply == Reply::Data(vec![1, 2, 3, 4])));
    // T = (p + q + 24 + 2d + N) * 11/b + Td, with p = q = 4, d = 4, N = 4 (other-meters.md 6).
    let floor = (CHARACTER * (4 + 4 + 24 + 8 + 4) + TURNAROUND) * 3;
    assert_eq!(talk.ended, floor);
}

#[test]
fn follow_ups_are_joined_wherever_their_number_stands() {
    for number_last in [true, false] {
        let mut read = ReadItems::new(meter(), vec![0x0001_FF00], timing(), Retry::default());
        let talk = talk(&mut read, |number, question| {
            let mut frame = reading(question, &[number as u8 * 0x10; 4]);
            if number > 0 {
                assert_eq!((question.control, question.data[4]), (0x12, number as u8));
                let at = if number_last { frame.data.len() } else { 4 };
                frame.data.insert(at, number as u8);
            }
            if number < 2 {
                frame.control |= 0x20;
            }
            answer(&frame)
        });
        let joined = [[0; 4], [0x10; 4], [0x20; 4]].concat();
        assert_eq!(talk.output, Ok(vec![(0x0001_FF00, Reply::Data(joined))]), "{number_last}");
    }
}

#[test]
fn a_refused_item_does_not_stop_the_others() {
    let mut read = ReadItems::new(meter(), vec![ENERGY, BALANCE], timing(), Retry::default());
    let talk = talk(&mut read, |number, question| match number {
        0 => answer(&Frame::new(meter(), 0xD1, [0x02])),
        _ => answer(&reading(question, &[0; 4])),
    });
    let replies = talk.output.unwrap();
    assert!(matches!(replies[0], (ENERGY, Reply::Refused(word)) if word.raw == 2));
    assert_eq!(replies[1], (BALANCE, Reply::Data(vec![0; 4])));
}

#[test]
fn a_wildcard_question_takes_the_meters_own_address_or_the_wildcard() {
    for from in [meter(), Address::ANY] {
        let mut read = ReadItems::new(Address::ANY, vec![ENERGY], timing(), Retry::NONE);
        let talk = talk(&mut read, |_, question| {
            answer(&Frame { address: from, ..reading(question, &[0; 4]) })
        });
        assert!(talk.output.is_ok(), "{from}");
        assert_eq!(read.answered_by(), Some(from));
    }
}

#[test]
fn the_address_is_taken_from_the_data() {
    let no = "201000000012".parse().unwrap();
    let mut find = FindAddress::new(timing(), Retry::NONE);
    let found = talk(&mut find, |_, question| {
        assert_eq!((question.control, question.address), (0x13, Address::ANY));
        answer(&Frame::new(Address::ANY, 0x93, Address::meter(no).0))
    });
    assert_eq!(found.output, Ok(no));
    let mut find = FindAddress::new(timing(), Retry::NONE);
    let odd = talk(&mut find, |_, _| answer(&Frame::new(Address::ANY, 0x93, [0xAA; 6])));
    assert_eq!(odd.output, Err(ExchangeError::Form), "no meter number");
}

#[test]
fn commands_go_out_as_the_reference_frames_do() {
    let asked = |question: &Frame| (question.control, question.data.clone());
    let bytes = |hex: &str| super::bytes_of(hex);

    let mut write = Write::new(meter(), 0x0400_0101, &access(), &[5, 0x21, 0x11, 0x26], timing());
    let sent = talk(write.as_mut().unwrap(), |_, _| answer(&Frame::new(meter(), 0x94, [])));
    assert_eq!(sent.output, Ok(vec![]));
    assert_eq!(asked(&sent.sent[0].1), (0x14, bytes("01010004025634124433221105211126")));

    let as_typed = Access { order: PasswordOrder::AsTyped, ..access() };
    let mut write = Write::new(meter(), 0x0400_0101, &as_typed, &[], timing()).unwrap();
    let sent = talk(&mut write, |_, _| answer(&Frame::new(meter(), 0x94, [])));
    assert_eq!(asked(&sent.sent[0].1).1[4..8], bytes("02123456"));

    let mut relay = Relay::new(meter(), &access(), RelayCommand::Trip, time(), timing());
    let sent = talk(&mut relay, |_, _| answer(&Frame::new(meter(), 0x9C, [])));
    assert_eq!(asked(&sent.sent[0].1), (0x1C, bytes("02563412443322111A00563412201126")));

    // TMS: N2 says which relay; a command with an N2 of its own keeps it.
    for (command, sent) in [(RelayCommand::Close, "1C01"), (RelayCommand::TripFor(3), "1D03")] {
        let to = (command, 1);
        let mut relay = Relay::on_channel(meter(), &access(), to, time(), timing());
        let told = talk(&mut relay, |_, _| answer(&Frame::new(meter(), 0x9C, [])));
        assert_eq!(asked(&told.sent[0].1).1[8..10], bytes(sent));
    }

    let mut freeze = Freeze::new(meter(), FreezeWhen::Daily { hour: 0, minute: 30 }, timing());
    let sent = talk(&mut freeze, |_, _| answer(&Frame::new(meter(), 0x96, [])));
    assert_eq!(asked(&sent.sent[0].1), (0x16, bytes("30009999")));

    let mut password = ChangePassword::new(meter(), &access(), 4, [0x65, 0x43, 0x21], timing());
    let sent = talk(&mut password, |_, q| answer(&Frame::new(meter(), 0x98, &q.data[8..12])));
    assert_eq!(asked(&sent.sent[0].1), (0x18, bytes("050C00040256341204214365")));
    assert_eq!(sent.output.unwrap(), bytes("04214365"));

    let account = "112233445566".parse().unwrap();
    let count = PurchaseCount(0);
    let mut open = OpenAccount::new("47".parse().unwrap(), account, count, [0; 4], timing());
    let sent = talk(&mut open, |_, q| answer(&Frame::new(meter(), 0x83, &q.data[..4])));
    assert_eq!(sent.output, Ok(()));
    // Vector 077, with MACs zero.
    let body = "FF010107000000000000000000000000000000006655443322110000 0000".replace(' ', "");
    assert_eq!(asked(&sent.sent[0].1), (0x03, bytes(&body)));
}

#[test]
fn a_new_address_answers_itself() {
    let to = "48".parse().unwrap();
    let mut write = WriteAddress::new(to, timing());
    let good = talk(&mut write, |_, question| {
        assert_eq!(question.address, Address::ANY);
        answer(&Frame::new(Address::meter(to), 0x95, []))
    });
    assert_eq!(good.output, Ok(vec![]));
    let mut write = WriteAddress::new(to, timing());
    let old = talk(&mut write, |_, _| answer(&Frame::new(meter(), 0x95, [])));
    assert_eq!(old.output, Err(ExchangeError::WrongAddress(meter())));
}

#[test]
fn a_speed_or_password_must_be_repeated_by_the_meter() {
    let mut baud = ChangeBaud::new(meter(), 9600, timing()).unwrap();
    let other = talk(&mut baud, |_, q| {
        assert_eq!(q.data, [0x20]);
        answer(&Frame::new(meter(), 0x97, [0x08]))
    });
    assert_eq!(other.output, Err(ExchangeError::Form));
    assert!(ChangeBaud::new(meter(), 115_200, timing()).is_none());
}

#[test]
fn nobody_waits_for_an_answer_to_a_broadcast() {
    let mut set = BroadcastTime::new(time(), timing());
    let talk = talk(&mut set, |_, question| {
        assert_eq!(question.address, Address::BROADCAST);
        assert_eq!(question.data, [0x56, 0x34, 0x12, 0x20, 0x11, 0x26], "vector 066");
        Vec::new()
    });
    assert_eq!((talk.output, talk.sent.len()), (Ok(vec![]), 1));
    assert!(talk.ended < ms(1000), "{:?}", talk.ended);
}

#[test]
fn money_is_not_written_like_a_parameter() {
    for di in [0x0400_1006, 0x0701_02FF, 0x0701_04FF] {
        let refused = Write::new(meter(), di, &access(), &[0; 8], timing());
        assert_eq!(refused.err(), Some(WriteError::Money(di)), "{di:08X}");
    }
    let long = Write::new(meter(), 0x0400_0403, &access(), &[0; 250], timing());
    assert_eq!(long.err(), Some(WriteError::TooLong(250)));
}

#[test]
fn the_purse_is_read_as_binary_numbers() {
    let mut status = AccountStatus::new(meter(), [0x44, 0x33, 0x22, 0x11], timing(), Retry::NONE);
    let talk = talk(&mut status, |_, question| {
        assert_eq!(question.data, super::bytes_of("FF02810711223344"), "vector 043");
        let mut body = 12_345u32.to_le_bytes().to_vec();
        body.extend([9; 4]);
        body.extend(7u32.to_le_bytes());
        body.extend([9; 4]);
        body.extend([0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        body.extend([1, 2, 3, 4]);
        let late = Duration::from_secs(5);
        vec![super::peer::burst(late, reading(question, &body).encode(4))]
    });
    let purse = talk.output.expect("a security module may take seconds");
    assert_eq!((purse.balance, purse.count), (12_345, PurchaseCount(7)));
    assert_eq!(purse.account, Some("112233445566".parse().unwrap()));
}
