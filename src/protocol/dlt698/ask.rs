//! Questions and what answers them.
//!
//! An answer names the server, the service number (PIID) and every attribute asked for; every
//! question leaves under a new number, so that a late answer to an earlier one is known as such.
//! There is nothing here that writes.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::apdu::{self, Got};
use super::frame::{self, Address, FROM_METER, Frame};
use crate::protocol::exchange::{Heard, Question, Refusal, Retry, Series, Timing, Trouble};

/// Wake-up bytes in front of a question.
const PREAMBLE: usize = 4;
/// From the client, to begin something, data.
const REQUEST: u8 = 0x43;
/// Service numbers have six bits.
const NUMBERS: u8 = 0x3F;
/// Attributes asked for at once: the answer still fits one frame of the smallest meters.
const AT_ONCE: usize = 6;
/// Characters of an answer besides its values.
const ANSWER_HEAD: usize = 40;
/// Characters of one attribute in an answer: the energies of four tariffs and their total.
const ANSWER_EACH: usize = 48;
/// The meter's address.
pub const ADDRESS: u32 = 0x4001_0200;

/// Service numbers; clones share the sequence.
#[derive(Debug, Clone)]
pub struct Numbers(Arc<AtomicU8>);

impl Numbers {
    /// Begins at `first`.
    pub fn from(first: u8) -> Self {
        Self(Arc::new(AtomicU8::new(first)))
    }

    fn draw(&self) -> u8 {
        self.0.fetch_add(1, Ordering::Relaxed) & NUMBERS
    }
}

/// A question for attributes.
#[derive(Debug, Clone)]
pub struct Ask {
    address: Address,
    client: u8,
    oads: Vec<u32>,
    numbers: Numbers,
    /// The service number it last left under.
    number: Cell<u8>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who answered.
    pub address: Address,
    /// Value or refusal of each attribute, in the order asked.
    pub results: Vec<Got>,
}

impl Ask {
    fn new(address: &Address, oads: &[u32], numbers: &Numbers) -> Self {
        let (address, numbers) = (address.clone(), numbers.clone());
        Self { address, client: 0, oads: oads.to_vec(), numbers, number: Cell::new(0) }
    }

    /// What the frame says to this question; `None`: it is not about it.
    fn judge(&self, frame: &Frame) -> Option<Heard<Answer>> {
        if frame.is_segment() {
            return Some(Heard::Bad(Trouble::Form("an answer in segments")));
        }
        if let Some((piid, reason)) = apdu::error_response(&frame.message) {
            let name = apdu::error_name(reason);
            let own = piid & NUMBERS == self.number.get();
            return own.then_some(Heard::Refused(Refusal { code: reason.into(), name }));
        }
        let response = apdu::get_response(&frame.message)?;
        let asked = response.results.iter().map(|got| got.oad).eq(self.oads.iter().copied());
        (asked && response.piid & NUMBERS == self.number.get()).then(|| {
            let address = frame.address.clone();
            Heard::Answer(Answer { address, results: response.results })
        })
    }
}

impl Question for Ask {
    type Answer = Answer;

    fn bytes(&self) -> Vec<u8> {
        self.number.set(self.numbers.draw());
        let message = apdu::get_request(self.number.get(), &self.oads);
        let (address, client) = (self.address.clone(), self.client);
        Frame { control: REQUEST, address, client, message }.encode(PREAMBLE)
    }

    fn answer_len(&self) -> usize {
        ANSWER_HEAD + ANSWER_EACH * self.oads.len()
    }

    fn listen(&self, heard: &[u8]) -> Heard<Answer> {
        let mut other = Heard::Nothing;
        for found in frame::heard(heard) {
            if let Some(missing) = found.begun(self.answer_len()) {
                other = Heard::Begun(missing);
            }
            let Ok(frame) = found.what else { continue };
            // Our echo, other questions, and what meters report by themselves.
            if frame.control & FROM_METER == 0 || frame.function() != REQUEST & 0x07 {
                continue;
            }
            if !self.address.meets(&frame.address) {
                other = Heard::Stranger(frame.address.to_string());
                continue;
            }
            if let Some(said) = self.judge(&frame) {
                return said;
            }
        }
        other
    }

    /// None: the service number tells a late answer.
    fn probe(&self) -> Option<Self> {
        None
    }
}

/// Reads attributes, a few at a time.
pub fn read(
    address: &Address,
    oads: &[u32],
    timing: Timing,
    retry: Retry,
    numbers: &Numbers,
) -> Series<Ask> {
    let questions = oads.chunks(AT_ONCE).map(|some| Ask::new(address, some, numbers));
    Series::new(questions.collect(), timing, retry)
}

/// Asks whoever hears it for its address; the answer's own address says it. 25 bytes, safe to send
/// on any line.
pub fn find_address(timing: Timing, retry: Retry, numbers: &Numbers) -> Series<Ask> {
    read(&Address::any(), &[ADDRESS], timing, retry, numbers)
}
