//! A DLMS meter for tests, written from IEC 62056-46 and 62056-5-3 as the reference tells them,
//! with nothing of the client's code: its own CRC, frames and messages. It keeps HDLC's rules for a
//! secondary station: a polled station that has sent information not acknowledged sends it again.

use std::collections::{BTreeMap, VecDeque};

pub type Key = (u16, [u8; 6], i8);

pub struct Meter {
    pub server: Vec<u8>,
    pub client: u8,
    /// Information bytes it puts into a frame.
    pub info: usize,
    /// What it says it can send and receive in UA; `None`: nothing.
    pub params: Option<(u16, u16)>,
    /// Bytes it puts into a block; longer values go in blocks.
    pub block: usize,
    pub max_pdu: u16,
    pub conformance: [u8; 3],
    pub password: Option<Vec<u8>>,
    pub objects: BTreeMap<Key, Vec<u8>>,
    /// Every write and method that was carried out.
    pub done: Vec<(Key, Vec<u8>)>,
    /// Requests of the application it has seen, in order.
    pub asked: Vec<Vec<u8>>,
    pub connected: bool,
    pub associated: bool,
    /// A double-long-unsigned that is one more each time it is read.
    pub counter: Option<Key>,
    /// Answers RR so often before it has its answer.
    pub slow: usize,
    /// What the station keeps.
    pub state: State,
}

#[derive(Default)]
pub struct State {
    send: u8,
    receive: u8,
    last: Option<(u8, Vec<u8>)>,
    queue: VecDeque<(bool, Vec<u8>)>,
    incoming: Vec<u8>,
    long: Vec<u8>,
    block_sent: u32,
    writing: Option<(Key, Vec<u8>)>,
}

/// CRC-16/X.25, bit by bit.
pub fn fcs(bytes: &[u8]) -> [u8; 2] {
    let mut sum = 0xFFFFu16;
    for byte in bytes {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            let low = sum & 1;
            sum >>= 1;
            if low == 1 {
                sum ^= 0x8408;
            }
        }
    }
    (sum ^ 0xFFFF).to_le_bytes()
}

/// A frame with everything around its parts.
pub fn frame(to: &[u8], from: &[u8], control: u8, more: bool, info: &[u8]) -> Vec<u8> {
    let length =
        2 + to.len() + from.len() + 1 + 2 + if info.is_empty() { 0 } else { 2 + info.len() };
    let mut out = vec![0xA0 | if more { 8 } else { 0 } | (length >> 8) as u8, length as u8];
    out.extend(to);
    out.extend(from);
    out.push(control);
    if !info.is_empty() {
        out.extend(fcs(&out));
        out.extend(info);
    }
    out.extend(fcs(&out));
    out.insert(0, 0x7E);
    out.push(0x7E);
    out
}

/// A frame as the meter sees it.
pub struct Seen {
    pub control: u8,
    pub more: bool,
    pub info: Vec<u8>,
}

impl Meter {
    pub fn new() -> Self {
        Self {
            server: vec![0x03],
            client: 0x21,
            info: 128,
            params: None,
            block: 1000,
            max_pdu: 512,
            conformance: [0x00, 0x1A, 0x19],
            password: None,
            objects: BTreeMap::new(),
            done: Vec::new(),
            asked: Vec::new(),
            connected: false,
            associated: false,
            counter: None,
            slow: 0,
            state: State::default(),
        }
    }

    pub fn with(mut self, key: Key, data: &[u8]) -> Self {
        self.objects.insert(key, data.to_vec());
        self
    }

    pub fn reply(&self, control: u8, more: bool, info: &[u8]) -> Vec<u8> {
        frame(&[self.client], &self.server, control, more, info)
    }

    /// Reads one whole frame for this meter; `None` for anything else.
    pub fn seen(&self, bytes: &[u8]) -> Option<Seen> {
        let inner = bytes.strip_prefix(&[0x7E])?.strip_suffix(&[0x7E])?;
        let (body, check) = inner.split_at_checked(inner.len().checked_sub(2)?)?;
        let length = usize::from(body[0] & 7) << 8 | usize::from(body[1]);
        if fcs(body) != check || length != inner.len() || body[0] & 0xF0 != 0xA0 {
            return None;
        }
        let rest = body[2..].strip_prefix(&self.server[..])?.strip_prefix(&[self.client])?;
        let info = rest.get(3..).unwrap_or_default().to_vec();
        Some(Seen { control: rest[0], more: body[0] & 8 != 0, info })
    }

    /// What it answers to the bytes of one frame.
    pub fn hear(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let seen = self.seen(bytes)?;
        match seen.control {
            0x93 => {
                self.connected = true;
                self.associated = false;
                (self.state.send, self.state.receive) = (0, 0);
                self.state.last = None;
                self.state.queue.clear();
                self.state.incoming.clear();
                let info = self.params.map(|(send, receive)| {
                    let mut info = vec![0x81, 0x80, 0x14, 0x05, 0x02];
                    info.extend(send.to_be_bytes());
                    info.extend([0x06, 0x02]);
                    info.extend(receive.to_be_bytes());
                    info.extend([0x07, 4, 0, 0, 0, 1, 0x08, 4, 0, 0, 0, 1]);
                    info
                });
                Some(self.reply(0x73, false, &info.unwrap_or_default()))
            }
            0x53 => {
                let control = if self.connected { 0x73 } else { 0x1F };
                self.connected = false;
                Some(self.reply(control, false, &[]))
            }
            _ if !self.connected => Some(self.reply(0x1F, false, &[])),
            control if control & 0x01 == 0 => {
                let fresh = (control >> 1) & 7 == self.state.receive;
                self.acknowledge(control >> 5);
                if fresh {
                    self.state.receive = (self.state.receive + 1) & 7;
                    self.state.incoming.extend(&seen.info);
                    if !seen.more {
                        let whole = std::mem::take(&mut self.state.incoming);
                        self.answer(&whole);
                    }
                }
                Some(self.speak())
            }
            control if control & 0x0F == 0x01 => {
                self.acknowledge(control >> 5);
                Some(self.speak())
            }
            _ => Some(self.reply(0x97, false, &[seen.control, 0, 0])),
        }
    }

    fn acknowledge(&mut self, number: u8) {
        if number == self.state.send {
            self.state.last = None;
        }
    }

    /// What a polled station says: what is not acknowledged, the next part, or that it is ready.
    fn speak(&mut self) -> Vec<u8> {
        if let Some((number, sent)) = &self.state.last {
            // The same information; N(R) as it is now.
            let control = self.state.receive << 5 | 0x10 | number << 1;
            let (more, info) = (sent[0] == 1, sent[1..].to_vec());
            return self.reply(control, more, &info);
        }
        if self.slow > 0 && !self.state.queue.is_empty() {
            self.slow -= 1;
            return self.reply(self.state.receive << 5 | 0x11, false, &[]);
        }
        match self.state.queue.pop_front() {
            Some((more, info)) => {
                let control = self.state.receive << 5 | 0x10 | self.state.send << 1;
                self.state.last = Some((self.state.send, [&[u8::from(more)][..], &info].concat()));
                self.state.send = (self.state.send + 1) & 7;
                self.reply(control, more, &info)
            }
            None => self.reply(self.state.receive << 5 | 0x11, false, &[]),
        }
    }

    fn answer(&mut self, info: &[u8]) {
        let Some(apdu) = info.strip_prefix(&[0xE6, 0xE6, 0x00]) else { return };
        self.asked.push(apdu.to_vec());
        let told = self.application(apdu);
        let whole = [&[0xE6, 0xE7, 0x00][..], &told].concat();
        let parts: Vec<&[u8]> = whole.chunks(self.info).collect();
        let count = parts.len();
        self.state.queue =
            parts.iter().enumerate().map(|(at, p)| (at + 1 < count, p.to_vec())).collect();
    }

    fn application(&mut self, apdu: &[u8]) -> Vec<u8> {
        match apdu {
            [0x60, _, rest @ ..] => self.associate(rest),
            [0x62, ..] => vec![0x63, 0x03, 0x80, 0x01, 0x00],
            _ if !self.associated => vec![0xD8, 1, 1],
            [0xC0, 1, invoke, rest @ ..] => {
                let (key, _) = object(rest);
                if let Some(value) =
                    self.objects.get_mut(&key).filter(|_| self.counter == Some(key))
                {
                    value[4] += 1;
                }
                match self.objects.get(&key) {
                    None => vec![0xC4, 1, *invoke, 1, 4],
                    Some(data) if data.len() > self.block => {
                        (self.state.long, self.state.block_sent) = (data.clone(), 0);
                        self.next_block(*invoke)
                    }
                    Some(data) => [&[0xC4, 1, *invoke, 0][..], data].concat(),
                }
            }
            [0xC0, 2, invoke, number @ ..] => {
                if number != self.state.block_sent.to_be_bytes() {
                    return vec![0xC4, 2, *invoke, 1, 0, 0, 0, 0, 1, 19];
                }
                self.next_block(*invoke)
            }
            [0xC0, 3, invoke, count, rest @ ..] => {
                let mut told = vec![0xC4, 3, *invoke, *count];
                for part in rest.chunks(10) {
                    match self.objects.get(&object(part).0) {
                        Some(data) => told.extend([&[0][..], data].concat()),
                        None => told.extend([1, 4]),
                    }
                }
                told
            }
            [0xC1, 1, invoke, rest @ ..] => {
                let (key, data) = object(rest);
                vec![0xC5, 1, *invoke, self.write(key, &data[1..])]
            }
            [0xC1, 2, invoke, rest @ ..] => {
                let (key, block) = object(rest);
                self.state.writing = Some((key, Vec::new()));
                self.take_block(*invoke, &block[1..])
            }
            [0xC1, 3, invoke, block @ ..] => self.take_block(*invoke, block),
            [0xC3, 1, invoke, rest @ ..] => {
                let (key, data) = object(rest);
                self.done.push((key, data.to_vec()));
                vec![0xC7, 1, *invoke, 0, 0]
            }
            _ => vec![0xD8, 2, 2],
        }
    }

    fn next_block(&mut self, invoke: u8) -> Vec<u8> {
        let part: Vec<u8> =
            self.state.long.drain(..self.block.min(self.state.long.len())).collect();
        self.state.block_sent += 1;
        let mut told = vec![0xC4, 2, invoke, u8::from(self.state.long.is_empty())];
        told.extend(self.state.block_sent.to_be_bytes());
        told.push(0);
        told.extend(length(part.len()));
        told.extend(part);
        told
    }

    fn take_block(&mut self, invoke: u8, block: &[u8]) -> Vec<u8> {
        let (head, raw) = (&block[..5], counted(&block[5..]));
        let Some((key, mut data)) = self.state.writing.take() else {
            return vec![0xC5, 1, invoke, 18];
        };
        data.extend(raw);
        let number = &head[1..];
        if head[0] == 0 {
            self.state.writing = Some((key, data));
            return [&[0xC5, 2, invoke][..], number].concat();
        }
        let result = self.write(key, &data);
        [&[0xC5, 3, invoke, result][..], number].concat()
    }

    fn write(&mut self, key: Key, data: &[u8]) -> u8 {
        if !self.objects.contains_key(&key) {
            return 4;
        }
        self.objects.insert(key, data.to_vec());
        self.done.push((key, data.to_vec()));
        0
    }

    /// Plain logical names; a password where the meter wants one.
    fn associate(&mut self, body: &[u8]) -> Vec<u8> {
        let context = [0xA1, 9, 6, 7, 0x60, 0x85, 0x74, 5, 8, 1, 1];
        let given = body.windows(4).position(|w| w[0] == 0xAC && w[2] == 0x80).map(|at| {
            let count = usize::from(body[at + 3]);
            body[at + 4..at + 4 + count].to_vec()
        });
        let lls = body.windows(9).any(|w| w == [0x8B, 7, 0x60, 0x85, 0x74, 5, 8, 2, 1]);
        let named = body.starts_with(&context);
        let (result, diagnostic) = match (named, &self.password, &given) {
            (false, _, _) => (1, 2),
            (_, None, None) => (0, 0),
            (_, Some(_), None) => (1, 14),
            (_, Some(own), Some(given)) if lls && own == given => (0, 0),
            _ => (1, 13),
        };
        self.associated = result == 0;
        let mut told = context.to_vec();
        told.extend([0xA2, 3, 2, 1, result, 0xA3, 5, 0xA1, 3, 2, 1, diagnostic]);
        if result == 0 {
            told.extend([0xBE, 0x10, 4, 0x0E, 8, 0, 6, 0x5F, 0x1F, 4, 0]);
            told.extend(self.conformance);
            told.extend(self.max_pdu.to_be_bytes());
            told.extend([0, 7]);
        }
        [&[0x61, told.len() as u8][..], &told].concat()
    }
}

/// Class, logical name, attribute, and what follows.
fn object(bytes: &[u8]) -> (Key, &[u8]) {
    let class = u16::from_be_bytes([bytes[0], bytes[1]]);
    let name: [u8; 6] = bytes[2..8].try_into().unwrap();
    ((class, name, bytes[8] as i8), &bytes[9..])
}

fn length(count: usize) -> Vec<u8> {
    match count {
        0..=0x7F => vec![count as u8],
        0x80..=0xFF => vec![0x81, count as u8],
        _ => vec![0x82, (count >> 8) as u8, count as u8],
    }
}

fn counted(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0x82, _, _, rest @ ..] | [0x81, _, rest @ ..] => rest,
        [_, rest @ ..] => rest,
        [] => bytes,
    }
}
