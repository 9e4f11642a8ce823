//! From a request to an answer: whom an address names, which requests a meter hears at all,
//! follow-up frames, and what faults make of the answer.

use std::time::Duration;

use super::events::Kind;
use super::faults::{Fault, Request};
use super::meter::{FollowUp, Meter};
use super::setup::{Edition, Port, Security, SeqPlace};
use super::v1997;
use crate::protocol::dlt645::frame::{Address, Decoder, Frame};

/// ERR bit 0: refused for a reason that has no bit of its own.
const OTHER: u8 = 0x01;
/// ERR bit 1: no such data.
pub(super) const NO_SUCH_DATA: u8 = 0x02;
/// Data bytes an answer can carry at least and at most, identifier included.
const DATA_MIN: usize = 16;
const DATA_MAX: usize = 200;

/// What a meter puts on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The bytes, wake-up bytes in front.
    pub bytes: Vec<u8>,
    /// Pause between the end of the request and the first byte.
    pub after: Duration,
}

/// What a request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// No answer.
    Silent,
    /// Normal answer with these data.
    Done(Vec<u8>),
    /// Normal answer, more to be fetched with 12H.
    More(Vec<u8>),
    /// Refusal with this error word.
    Refuse(Vec<u8>),
}

impl Act {
    pub(super) fn refuse_other() -> Self {
        Self::Refuse(vec![OTHER])
    }
}

/// How an address names this meter (`reference/dlt645.md` 1). Written anew here: the meter's side
/// must not lean on the driver's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    Me,
    Whoever,
    Everybody,
}

fn aim(address: Address, own: [u8; 6], wildcard_bytes: usize) -> Option<Aim> {
    let wire = address.0;
    if wire == [0x99; 6] {
        return Some(Aim::Everybody);
    }
    // AA only from the high end, which comes last.
    let open = wire.iter().rev().take_while(|byte| **byte == 0xAA).count();
    if open > wildcard_bytes {
        return None;
    }
    let exact = wire.len() - open;
    match exact {
        0 => Some(Aim::Whoever),
        _ => (wire[..exact] == own[..exact]).then_some(Aim::Me),
    }
}

/// Answers the first whole frame in `bytes`, if the meter does.
pub fn answer(meter: &mut Meter, bytes: &[u8], now: Duration) -> Option<Reply> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    decoder.finish();
    let frame = decoder.find_map(Result::ok)?;
    meter.hear(&frame, now)
}

impl Meter {
    /// Hears a frame whose last byte ended at `now`, on the port of its setup.
    pub fn hear(&mut self, frame: &Frame, now: Duration) -> Option<Reply> {
        self.hear_on(self.setup.port, frame, now)
    }

    /// Hears a frame on one of its ports.
    pub fn hear_on(&mut self, port: Port, frame: &Frame, now: Duration) -> Option<Reply> {
        let mut aim = aim(frame.address, self.no.wire(), self.setup.wildcard_bytes.into())?;
        let old = self.setup.edition == Edition::V1997;
        // 1997 firmware answers readings on 99 with its own address (section 1).
        if old && aim == Aim::Everybody && v1997::answers_all(frame.control) {
            aim = Aim::Whoever;
        }
        self.advance(now);
        let length = frame.wire_len(frame.preamble);
        let deaf = self.setup.dead
            || self.time.up_ms < self.silent_until_ms
            || length < usize::from(self.setup.min_request);
        // D5 to D7 belong to answers.
        if deaf || frame.control & 0xE0 != 0 || !self.port_hears(port, frame) {
            return None;
        }
        if aim == Aim::Everybody {
            self.obey_broadcast(frame);
            return None;
        }
        let request = if old { v1997::request_of(frame.control) } else { request_of(frame) };
        self.struck = self.faults.strike(request, &self.setup.faults);
        match self.struck {
            Some(Fault::NoReply) => return None,
            Some(Fault::CounterReset { account }) => {
                let account = account.or(self.purse.account);
                self.purse.reset(account, None, self.time.uptime());
            }
            _ => {}
        }
        let own = self.no;
        let act = match self.setup.edition {
            Edition::V2007 => self.obey(aim, frame),
            Edition::V1997 => self.obey_1997(aim == Aim::Whoever, frame.control, &frame.data),
        };
        let struck = self.struck.take();
        if self.silenced_by(struck) {
            return None;
        }
        let from = match (aim, frame.control) {
            (Aim::Whoever, _) if self.setup.echo_wildcard => frame.address,
            // 95 comes from the new address; 94 after 04000401 still from the old one.
            (_, 0x15) => Address::meter(self.no),
            (_, 0x0A) if old => Address::meter(self.no),
            _ => Address::meter(own),
        };
        self.reply(from, frame.control, act, struck)
    }

    /// Faults that end without an answer, whatever was done.
    fn silenced_by(&mut self, struck: Option<Fault>) -> bool {
        match struck {
            Some(
                Fault::RebootBefore(pause) | Fault::RebootAfter(pause) | Fault::TornWrite(pause),
            ) => {
                self.restart(pause);
                true
            }
            Some(Fault::LostAck) => true,
            _ => false,
        }
    }

    fn restart(&mut self, pause: Duration) {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.silent_until_ms = self.time.up_ms.saturating_add(pause_ms);
        self.session = None;
        self.follow_up = None;
        self.last_answer = None;
        // Power went and came back: start and end, 6 bytes each.
        let stamp = self.time.clock().stamp();
        self.events.add(Kind::PowerDown, [stamp, stamp].concat());
    }

    /// The restart comes before anything is stored.
    pub(super) fn write_is_lost(&self) -> bool {
        matches!(self.struck, Some(Fault::RebootBefore(_)))
    }

    fn reply(
        &mut self,
        from: Address,
        control: u8,
        act: Act,
        struck: Option<Fault>,
    ) -> Option<Reply> {
        let (flags, data) = match act {
            Act::Silent => return None,
            Act::Done(data) => (0x80, data),
            Act::More(data) => (0xA0, data),
            Act::Refuse(data) => (0xC0, data),
        };
        let frame = Frame::new(from, control | flags, data);
        let mut bytes = frame.encode(usize::from(self.setup.preamble));
        let delay_ms = match control {
            0x03 if self.setup.edition == Edition::V2007 => self.setup.security_delay_ms,
            _ => self.setup.delay_ms,
        };
        let mut after = Duration::from_millis(delay_ms);
        match struck {
            Some(Fault::Slow(more)) => after = after.saturating_add(more),
            Some(Fault::Garbled) => self.faults.garble(&mut bytes),
            _ => {}
        }
        Some(Reply { bytes, after })
    }

    /// 08H acts on everybody; in 2007 16H and 1DH, too. 1EH, the keep-power heartbeat of one test
    /// bench, is heard and changes nothing (what it does is not documented).
    fn obey_broadcast(&mut self, frame: &Frame) {
        match frame.control {
            0x08 => self.broadcast_time(&frame.data),
            _ if self.setup.edition == Edition::V1997 => {}
            0x16 => {
                self.freeze_command(&frame.data);
            }
            0x1D => {
                self.output(&frame.data);
            }
            _ => {}
        }
    }

    fn obey(&mut self, aim: Aim, frame: &Frame) -> Act {
        let data = &frame.data;
        match (aim, frame.control) {
            (Aim::Whoever, 0x13) if data.is_empty() => Act::Done(self.no.wire().to_vec()),
            (Aim::Whoever, 0x15) => self.write_address(data),
            (_, 0x11) => self.read(data),
            (_, 0x12) => self.read_on(data),
            // The wildcard is for reading only: no money, no write, no relay on "whoever".
            (Aim::Whoever, _) => Act::Silent,
            (_, 0x03) => self.secure(data),
            (_, 0x08) => {
                self.broadcast_time(data);
                Act::Silent
            }
            (_, 0x14) => self.write(data),
            (_, 0x16) => self.freeze_command(data),
            (_, 0x17) => self.change_baud(data),
            (_, 0x18) => self.change_password(data),
            (_, 0x19..=0x1B) => self.clear(frame.control, data),
            (_, 0x1C) => self.relay_command(data),
            (_, 0x1D) => self.output(data),
            _ => Act::Silent,
        }
    }

    /// 11H: DI, or DI with a number of load records (L=5) and a time (L=10).
    fn read(&mut self, data: &[u8]) -> Act {
        self.follow_up = None;
        let Some(di) = data.first_chunk::<4>() else { return Act::refuse_other() };
        let found = match data.len() {
            4 => self.register(u32::from_le_bytes(*di)).filter(|bytes| !bytes.is_empty()),
            5 | 10 => self.load_records(u32::from_le_bytes(*di), &data[4..]),
            _ => return Act::refuse_other(),
        };
        let Some(bytes) = found else { return Act::Refuse(vec![NO_SUCH_DATA]) };
        let room = self.room() - 4;
        if bytes.len() <= room {
            return Act::Done([&di[..], &bytes].concat());
        }
        let first = [&di[..], &bytes[..room]].concat();
        self.follow_up = Some(FollowUp { di: u32::from_le_bytes(*di), data: bytes, sent: 0 });
        Act::More(first)
    }

    pub(super) fn room(&self) -> usize {
        usize::from(self.setup.max_data).clamp(DATA_MIN, DATA_MAX)
    }

    /// 12H: DI and the number of the piece wanted, from 1. The last one sent may be asked for
    /// again.
    fn read_on(&mut self, data: &[u8]) -> Act {
        let room = self.room();
        let place = self.setup.seq;
        let Some((di, [seq])) = data.split_first_chunk::<4>() else { return Act::refuse_other() };
        let nth = usize::from(*seq);
        let missing = || Act::Refuse(vec![NO_SUCH_DATA]);
        let Some(follow) = &mut self.follow_up else { return missing() };
        if follow.di != u32::from_le_bytes(*di) || nth == 0 || nth > follow.sent + 1 {
            return missing();
        }
        let start = room - 4 + (nth - 1) * (room - 5);
        let Some(rest) = follow.data.get(start..).filter(|rest| !rest.is_empty()) else {
            return missing();
        };
        follow.sent = follow.sent.max(nth);
        let (piece, more) = rest.split_at(rest.len().min(room - 5));
        let answer = match place {
            SeqPlace::Last => [&di[..], piece, &[*seq]].concat(),
            SeqPlace::First => [&di[..], &[*seq], piece].concat(),
        };
        if more.is_empty() { Act::Done(answer) } else { Act::More(answer) }
    }

    /// The optical port of a meter with a module is silent before authentication, but for 6.6.
    fn port_hears(&self, port: Port, frame: &Frame) -> bool {
        let guarded = port == Port::Infrared && self.setup.security == Security::Esam;
        if !guarded || self.live_session().is_some() {
            return true;
        }
        match (frame.control, frame.di()) {
            (0x13, _) => true,
            (0x11, Some(di)) => is_open_read(di),
            (0x03, Some(di)) => matches!(di, 0x0700_03FF | 0x0780_03FF),
            (0x1C, _) => matches!(frame.data.first(), Some(0x02 | 0x04)),
            _ => false,
        }
    }
}

/// What the optical port tells anybody (6.6).
fn is_open_read(di: u32) -> bool {
    let current_energy = di >> 24 == 0 && (di >> 16) & 0xFF <= 0x0A && di & 0xFF == 0;
    current_energy
        || matches!(di, 0x0400_0401 | 0x0400_0402 | 0x0480_0004)
        || matches!(di, 0x0400_0101 | 0x0400_0102 | 0x0400_010C)
        || matches!(di, 0x0090_0100..=0x0090_010F | 0x0090_0200 | 0x0090_0201)
}

fn request_of(frame: &Frame) -> Request {
    match (frame.control, frame.di()) {
        (0x03, Some(0x0701_01FF | 0x0701_02FF | 0x0701_03FF)) => Request::Money,
        (0x14, Some(super::access::REFUND)) => Request::Money,
        (0x14..=0x1C, _) => Request::Write,
        _ => Request::Read,
    }
}
