//! Finding the address of the only meter on a line.

use super::super::frame::{Address, Frame};
use super::super::words::Edition;
use super::careful::{Careful, read_question};
use super::exchange::{Answer, Question, Want, request, split_di};
use super::{ExchangeError, Retry, Timing};
use crate::protocol::map_done;
use crate::protocol::{Dialogue, Step, Tick};
use crate::units::MeterNo;

/// Meter number and device code of 1997: where the header of an answer repeats the wildcard, one of
/// them says which meter it was.
const NUMBERS_1997: [u32; 2] = [0xC032, 0xC034];
/// Data of an answer to them: identifier and six bytes.
const NUMBER_DATA: usize = 8;

/// Asks the only meter on the line for its address (13H to all `AA`).
#[derive(Debug)]
pub struct FindAddress {
    careful: Careful,
}

impl FindAddress {
    /// On a line with several meters the answers collide: the result is then
    /// [`ExchangeError::Garbled`], or one meter if the others are weaker.
    pub fn new(timing: Timing, retry: Retry) -> Self {
        let frame = request(Address::ANY, 0x13, Vec::new());
        let question = Question::new(frame, Want::Function, 6);
        Self { careful: Careful::new(question, timing, retry, false) }
    }
}

impl Dialogue for FindAddress {
    type Output = Result<MeterNo, ExchangeError>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        map_done(self.careful.step(now), |answer| match answer {
            // The data say it; the header may only repeat the wildcard.
            Answer::Reply(frame) => <[u8; 6]>::try_from(frame.data.as_slice())
                .ok()
                .and_then(MeterNo::from_wire)
                .ok_or(ExchangeError::Form),
            Answer::Refused(Some(word), _) => Err(ExchangeError::Refused(word)),
            Answer::Refused(None, _) => Err(ExchangeError::Form),
            Answer::Failed(error) => Err(error),
        })
    }

    fn sent(&mut self, end: Tick) {
        self.careful.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.careful.feed(bytes, now);
    }
}

/// The same for a meter of 1997, which has no command for it: its number is read through the
/// wildcards, `AA` first, then `99` (some firmware hears only that). The address is that of the
/// answer's header, a refusal's too; a header that only repeats the wildcard says nothing, then the
/// number read is taken.
#[derive(Debug)]
pub struct FindAddress1997 {
    timing: Timing,
    retry: Retry,
    /// What is asked now, and what after it.
    asking: (Address, Careful),
    rest: std::vec::IntoIter<(Address, u32)>,
}

impl FindAddress1997 {
    /// On a line with several meters the answers collide, as with [`FindAddress`].
    pub fn new(timing: Timing, retry: Retry) -> Self {
        let [number, code] = NUMBERS_1997;
        let (any, all) = (Address::ANY, Address::BROADCAST);
        let rest = vec![(any, code), (all, number), (all, code)].into_iter();
        Self { timing, retry, asking: (any, careful(any, number, timing, retry)), rest }
    }

    /// Goes on with the next question for which `wanted` holds.
    fn next(&mut self, wanted: impl Fn(Address) -> bool) -> bool {
        let Some((to, di)) = self.rest.find(|(to, _)| wanted(*to)) else { return false };
        self.asking = (to, careful(to, di, self.timing, self.retry));
        true
    }
}

fn careful(to: Address, di: u32, timing: Timing, retry: Retry) -> Careful {
    Careful::new(read_question(to, Edition::V1997, di, NUMBER_DATA), timing, retry, false)
}

/// The meter an answer's header names; a wildcard names none.
fn header(frame: &Frame) -> Option<MeterNo> {
    let wild = frame.address == Address::ANY || frame.address == Address::BROADCAST;
    frame.address.meter_no().filter(|_| !wild)
}

impl Dialogue for FindAddress1997 {
    type Output = Result<MeterNo, ExchangeError>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            let (to, careful) = &mut self.asking;
            let to = *to;
            let answer = match careful.step(now) {
                Step::Done(answer) => answer,
                // Not `Done`, so the result named here is never made.
                step => return map_done(step, |_| Err(ExchangeError::Form)),
            };
            let (found, failure) = match answer {
                Answer::Reply(frame) => {
                    let number = split_di(Edition::V1997, &frame.data)
                        .and_then(|(_, body)| <[u8; 6]>::try_from(body).ok())
                        .and_then(MeterNo::from_wire);
                    (header(&frame).or(number), ExchangeError::Form)
                }
                Answer::Refused(word, frame) => {
                    (header(&frame), word.map_or(ExchangeError::Form, ExchangeError::Refused))
                }
                Answer::Failed(ExchangeError::Silent) if to == Address::ANY => {
                    self.next(|next| next != Address::ANY);
                    continue;
                }
                Answer::Failed(error) => return Step::Done(Err(error)),
            };
            if let Some(meter) = found {
                return Step::Done(Ok(meter));
            }
            if !self.next(|_| true) {
                return Step::Done(Err(failure));
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        self.asking.1.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.asking.1.feed(bytes, now);
    }
}
