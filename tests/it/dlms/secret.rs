//! A meter that wants a password, read as `meterkit read` does.

use std::collections::VecDeque;
use std::time::Duration;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::{Cancel, Line, open, read};
use meterkit::profile::Profile;
use meterkit::report::Code;
use meterkit::transport::{Faults, Line as Wires, Station, VirtualLink};
use meterkit::units::{BusPlace, UnixSeconds};
use secrecy::SecretString;

use super::line;
use super::meter::Meter;

const TURNAROUND: Duration = Duration::from_millis(30);

/// The meter at the end of a wire: a frame begins and ends with 7E.
struct AtTheEnd {
    meter: Meter,
    heard: Vec<u8>,
    answers: VecDeque<(Duration, Vec<u8>)>,
}

impl Station for AtTheEnd {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.heard.extend_from_slice(bytes);
        if self.heard.len() > 2
            && self.heard.ends_with(&[0x7E])
            && let Some(answer) = self.meter.hear(&self.heard)
        {
            self.answers.push_back((at + TURNAROUND, answer));
            self.heard.clear();
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.answers.pop_front()
    }
}

#[test]
fn a_reading_with_the_meters_password_and_without() {
    let profile = Profile::built_in("dlms-generic").unwrap();
    let place = BusPlace { address: "1".to_owned(), ..BusPlace::default() };
    let read = |secret: Option<&str>| {
        let meter = Meter { password: Some(b"Pa55word".to_vec()), ..line::meter() };
        let end = AtTheEnd { meter, heard: Vec::new(), answers: VecDeque::new() };
        let wires = Wires::new(open::settings(&profile), Faults::NONE);
        let mut link = VirtualLink::new(end, wires);
        let secret = secret.map(SecretString::from);
        let mut line = Line {
            link: &mut link,
            profile: &profile,
            clock: &TickClock { base: UnixSeconds(0), offset_s: 0 },
            cancel: &Cancel::default(),
            wire: &mut |_| {},
            progress: &mut |_, _, _| {},
            doubtful: false,
            secret: secret.as_ref(),
        };
        read::read_at(&mut line, "1".parse().unwrap(), &place)
    };
    let (card, _) = read(Some("Pa55word")).unwrap();
    assert!(card.energy.is_some(), "{card:?}");
    for (secret, why) in [(None, "authentication-required"), (Some("no"), "authentication-fail")] {
        let failure = read(secret).unwrap_err();
        assert_eq!(failure.code, Code::MeterRefused);
        assert!(failure.detail.contains(why), "{}", failure.detail);
        assert!(!failure.detail.contains("Pa55"));
    }
}
