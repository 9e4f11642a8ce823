//! Telnet as far as a serial line needs it (RFC 854, 855): data, option commands, subnegotiations.

use super::LinkError;

/// "Interpret as command".
const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;

/// The longest subnegotiation kept; the ones of RFC 2217 have five bytes, signatures a line.
const SUB_MAX: usize = 256;

/// What a side says about an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// I want to use it.
    Will,
    /// I do not.
    Wont,
    /// Use it.
    Do,
    /// Do not.
    Dont,
}

impl Verb {
    fn code(self) -> u8 {
        match self {
            Verb::Will => 251,
            Verb::Wont => 252,
            Verb::Do => 253,
            Verb::Dont => 254,
        }
    }

    fn from_code(code: u8) -> Option<Verb> {
        [Verb::Will, Verb::Wont, Verb::Do, Verb::Dont].into_iter().find(|v| v.code() == code)
    }
}

/// One thing heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// A byte of the line.
    Data(u8),
    /// A word about an option.
    Option(Verb, u8),
    /// The inside of a subnegotiation, the option first.
    Sub(Vec<u8>),
}

/// Where in the stream we are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    Option(Verb),
    Sub,
    SubCommand,
}

/// Takes a stream apart, byte by byte.
#[derive(Debug, Default)]
pub(super) struct Telnet {
    state: State,
    sub: Vec<u8>,
}

impl Telnet {
    /// The next byte of the stream.
    pub(super) fn feed(&mut self, byte: u8) -> Option<Heard> {
        let (next, heard) = match (self.state, byte) {
            (State::Data, IAC) => (State::Command, None),
            (State::Data, byte) => (State::Data, Some(Heard::Data(byte))),
            (State::Command, IAC) => (State::Data, Some(Heard::Data(IAC))),
            (State::Command, SB) => {
                self.sub.clear();
                (State::Sub, None)
            }
            (State::Command, code) => match Verb::from_code(code) {
                Some(verb) => (State::Option(verb), None),
                // NOP, go ahead and the like mean nothing here.
                None => (State::Data, None),
            },
            (State::Option(verb), option) => (State::Data, Some(Heard::Option(verb, option))),
            (State::Sub, IAC) => (State::SubCommand, None),
            (State::SubCommand, SE) => {
                (State::Data, Some(Heard::Sub(std::mem::take(&mut self.sub))))
            }
            (State::Sub | State::SubCommand, byte) => {
                if self.sub.len() < SUB_MAX {
                    self.sub.push(byte);
                }
                (State::Sub, None)
            }
        };
        self.state = next;
        heard
    }
}

/// Bytes of the line as they go into the stream.
pub(super) fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 4);
    for &byte in bytes {
        out.push(byte);
        if byte == IAC {
            out.push(IAC);
        }
    }
    out
}

/// A word about an option.
pub(super) fn option(verb: Verb, option: u8) -> [u8; 3] {
    [IAC, verb.code(), option]
}

/// A subnegotiation.
pub(super) fn subnegotiation(inside: &[u8]) -> Vec<u8> {
    let mut out = vec![IAC, SB];
    out.extend(escape(inside));
    out.extend([IAC, SE]);
    out
}

/// Answers of ours to options, at most: two sides that contradict each other could go on for ever.
const ANSWERS_MAX: u32 = 64;

/// What was said about the options, so that nothing is answered twice.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Options in use: (ours, its number).
    on: Vec<(bool, u8)>,
    answers: u32,
}

impl Options {
    /// We have asked for these: a yes to them is not answered.
    pub(super) fn asked(&mut self, ours: bool, option: u8) {
        self.on.push((ours, option));
    }

    /// The answer to a word of the peer, if it needs one. `wanted` are the options we agree to.
    ///
    /// # Errors
    /// [`LinkError::Io`] when the peer does not stop.
    pub(super) fn answer(
        &mut self,
        verb: Verb,
        number: u8,
        wanted: &[u8],
    ) -> Result<Option<[u8; 3]>, LinkError> {
        let ours = matches!(verb, Verb::Do | Verb::Dont);
        let yes = matches!(verb, Verb::Will | Verb::Do);
        let place = self.on.iter().position(|known| *known == (ours, number));
        let reply = match (yes, place) {
            (true, Some(_)) | (false, None) => return Ok(None),
            (false, Some(at)) => {
                self.on.swap_remove(at);
                if ours { Verb::Wont } else { Verb::Dont }
            }
            (true, None) if wanted.contains(&number) => {
                self.on.push((ours, number));
                if ours { Verb::Will } else { Verb::Do }
            }
            (true, None) => {
                if ours {
                    Verb::Wont
                } else {
                    Verb::Dont
                }
            }
        };
        self.answers += 1;
        if self.answers > ANSWERS_MAX {
            return Err(LinkError::Io("the device server talks about options only".to_owned()));
        }
        Ok(Some(option(reply, number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Heard> {
        let mut telnet = Telnet::default();
        bytes.iter().filter_map(|byte| telnet.feed(*byte)).collect()
    }

    #[test]
    fn a_stream_is_taken_apart() {
        let sub = subnegotiation(&[44, 101, 0, 255, 9, 96]);
        assert_eq!(sub, [255, 250, 44, 101, 0, 255, 255, 9, 96, 255, 240]);
        let stream = [&[0x68, 255, 255, 255, 253, 44, 255, 241][..], &sub, &[0x16]].concat();
        let expected = [
            Heard::Data(0x68),
            Heard::Data(255),
            Heard::Option(Verb::Do, 44),
            Heard::Sub(vec![44, 101, 0, 255, 9, 96]),
            Heard::Data(0x16),
        ];
        assert_eq!(all(&stream), expected);
        assert_eq!(escape(&[1, 255, 2]), [1, 255, 255, 2]);
    }

    #[test]
    fn an_endless_subnegotiation_does_not_grow() {
        let mut telnet = Telnet::default();
        for byte in [255, 250].into_iter().chain(std::iter::repeat_n(7, 100_000)) {
            assert_eq!(telnet.feed(byte), None);
        }
        assert!(telnet.sub.capacity() < 4096);
        telnet.feed(255);
        assert!(matches!(telnet.feed(240), Some(Heard::Sub(sub)) if sub.len() == SUB_MAX));
    }

    #[test]
    fn options_are_answered_once() {
        let mut options = Options::default();
        options.asked(true, 44);
        let mut answer = |verb, number| options.answer(verb, number, &[0, 3]).unwrap();
        assert_eq!(answer(Verb::Do, 44), None, "a yes to our question");
        assert_eq!(answer(Verb::Do, 0), Some([255, 251, 0]));
        assert_eq!(answer(Verb::Do, 0), None, "agreed already");
        assert_eq!(answer(Verb::Will, 1), Some([255, 254, 1]), "no echo for us");
        assert_eq!(answer(Verb::Dont, 0), Some([255, 252, 0]));
        assert_eq!(answer(Verb::Dont, 0), None);
        assert!((0..100).any(|_| options.answer(Verb::Will, 1, &[]).is_err()), "no end");
    }

    proptest::proptest! {
        /// Whatever bytes go in escaped come out.
        #[test]
        fn data_goes_through(bytes: Vec<u8>) {
            let heard: Vec<Heard> = bytes.iter().copied().map(Heard::Data).collect();
            proptest::prop_assert_eq!(all(&escape(&bytes)), heard);
        }

        #[test]
        fn any_stream_is_survived(bytes: Vec<u8>) {
            proptest::prop_assert!(all(&bytes).len() <= bytes.len());
        }
    }
}
