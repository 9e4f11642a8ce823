//! The HDLC frame of IEC 62056-46, type 3: `7E A0 len DST SRC C [HCS info] FCS 7E`.
//!
//! [`Frame::encode`] builds one, [`scan`] finds them in a string of bytes. The length comes from
//! the format field, so a `7E` inside the data is data; the check over the header (HCS) says
//! whether that length may be believed. Two frames may share one flag. After anything bad the
//! search goes on one byte further.

use super::address::Server;

/// The flag before and after every frame.
pub const FLAG: u8 = 0x7E;
/// Format type 3 in the high nibble of the format field.
const TYPE_3: u8 = 0xA0;
/// Bit 11 of the format field: the information goes on in the next frame.
const SEGMENTED: u8 = 0x08;
/// Format field, control field and FCS.
const FIXED: usize = 5;
/// Bytes between two flags at most: eleven bits of length.
pub const LENGTH_MAX: usize = 0x7FF;
/// Most bytes of an address field.
const ADDRESS_MAX: usize = 4;

/// What the control field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Information, with its own number and the number expected next.
    I {
        /// N(S).
        send: u8,
        /// N(R).
        receive: u8,
    },
    /// Receive ready: the number expected next.
    Rr(u8),
    /// Receive not ready.
    Rnr(u8),
    /// Set normal response mode: connect.
    Snrm,
    /// Disconnect.
    Disc,
    /// Unnumbered acknowledgement.
    Ua,
    /// Disconnected mode: no.
    Dm,
    /// Frame reject.
    Frmr,
    /// Unnumbered information: what a meter pushes.
    Ui,
    /// Any other.
    Other(u8),
}

/// The poll (client) or final (server) bit.
const POLL: u8 = 0x10;

impl Control {
    /// Reads a control field, the poll bit put aside.
    pub fn from_wire(byte: u8) -> Self {
        let high = byte >> 5;
        match byte & !POLL {
            i if i & 0x01 == 0 => Self::I { send: (byte >> 1) & 7, receive: high },
            s if s & 0x0F == 0x01 => Self::Rr(high),
            s if s & 0x0F == 0x05 => Self::Rnr(high),
            0x83 => Self::Snrm,
            0x43 => Self::Disc,
            0x63 => Self::Ua,
            0x0F => Self::Dm,
            0x87 => Self::Frmr,
            0x03 => Self::Ui,
            _ => Self::Other(byte),
        }
    }

    /// The control field with the poll bit set.
    pub fn wire(self) -> u8 {
        POLL | match self {
            Self::I { send, receive } => ((receive & 7) << 5) | ((send & 7) << 1),
            Self::Rr(receive) => ((receive & 7) << 5) | 0x01,
            Self::Rnr(receive) => ((receive & 7) << 5) | 0x05,
            Self::Snrm => 0x83,
            Self::Disc => 0x43,
            Self::Ua => 0x63,
            Self::Dm => 0x0F,
            Self::Frmr => 0x87,
            Self::Ui => 0x03,
            Self::Other(byte) => byte,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::I { .. } => "I",
            Self::Rr(_) => "RR",
            Self::Rnr(_) => "RNR",
            Self::Snrm => "SNRM",
            Self::Disc => "DISC",
            Self::Ua => "UA",
            Self::Dm => "DM",
            Self::Frmr => "FRMR",
            Self::Ui => "UI",
            Self::Other(_) => "unknown",
        }
    }
}

/// One frame. Which end is the client's is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Destination address field.
    pub to: Vec<u8>,
    /// Source address field.
    pub from: Vec<u8>,
    /// Control field.
    pub control: u8,
    /// The information goes on in the next frame.
    pub segmented: bool,
    /// The information.
    pub info: Vec<u8>,
}

impl Frame {
    /// What the control field says.
    pub fn control(&self) -> Control {
        Control::from_wire(self.control)
    }

    /// The destination, read as a server's address.
    pub fn to_server(&self) -> Option<Server> {
        Server::from_wire(&self.to)
    }

    /// The source, read as a server's address.
    pub fn from_server(&self) -> Option<Server> {
        Server::from_wire(&self.from)
    }

    /// The bytes to send, both flags included. Information beyond [`LENGTH_MAX`] is left out: a
    /// link layer never makes such a frame.
    pub fn encode(&self) -> Vec<u8> {
        let room = LENGTH_MAX.saturating_sub(FIXED + self.to.len() + self.from.len() + 2);
        let info = self.info.get(..room).unwrap_or(&self.info);
        let check = if info.is_empty() { 0 } else { 2 };
        let length = FIXED + self.to.len() + self.from.len() + check + info.len();
        let more = if self.segmented { SEGMENTED } else { 0 };
        let mut body = vec![TYPE_3 | more | ((length >> 8) as u8 & 0x07), length as u8];
        body.extend_from_slice(&self.to);
        body.extend_from_slice(&self.from);
        body.push(self.control);
        if !info.is_empty() {
            let hcs = crc(&body);
            body.extend_from_slice(&hcs);
            body.extend_from_slice(info);
        }
        let fcs = crc(&body);
        [&[FLAG][..], &body, &fcs, &[FLAG]].concat()
    }
}

/// CRC-16/X.25 over `bytes`, as it is sent: low byte first.
pub fn crc(bytes: &[u8]) -> [u8; 2] {
    let step = |sum: u16, byte: &u8| {
        let index = usize::from((sum as u8) ^ byte);
        (sum >> 8) ^ TABLE.get(index).copied().unwrap_or_default()
    };
    (!bytes.iter().fold(0xFFFF, step)).to_le_bytes()
}

/// The polynomial 1021H, reflected, one entry a byte.
static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut index = 0;
    while index < 256 {
        let mut sum = index as u16;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0x8408 } else { sum >> 1 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
}

/// Something in a string of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it begins.
    pub at: usize,
    /// The frame, or the stable name of what is wrong.
    pub frame: Result<Frame, &'static str>,
}

/// What a string of bytes holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Frames and faults in order; a run of trouble gives one fault.
    pub found: Vec<Found>,
    /// A frame has begun at the end: so many bytes are missing at least.
    pub missing: Option<usize>,
}

/// Everything in `bytes`. `whole`: nothing follows, so that a frame begun is `truncated`.
///
/// Faults: `no_start` (bytes outside any frame), `bad_length` (the length leaves no room for the
/// parts), `bad_hcs`, `bad_fcs`, `bad_end` (checks match, no flag behind), `truncated`.
pub fn scan(bytes: &[u8], whole: bool) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    // A fault is told once for all bytes up to here.
    let mut muted = 0;
    // The flag at `at` already closed a frame: it need not open another.
    let mut shared = false;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let fault = match candidate(rest) {
            Candidate::Good(frame, length) => {
                scan.found.push(Found { at, frame: Ok(frame) });
                // The closing flag may open the next frame.
                at += length - 1;
                (shared, muted) = (true, 0);
                continue;
            }
            Candidate::Open(missing) if !whole => {
                scan.missing = Some(missing);
                return scan;
            }
            Candidate::Lone if !whole => {
                scan.missing = (!shared).then_some(SHORTEST - 1);
                return scan;
            }
            Candidate::Open(missing) => Some(("truncated", rest.len() + missing)),
            Candidate::Bad(fault, extent) => Some((fault, extent)),
            Candidate::Lone | Candidate::Flags => None,
            Candidate::Stray => Some(("no_start", 1)),
        };
        if let Some((fault, extent)) = fault {
            if at >= muted {
                scan.found.push(Found { at, frame: Err(fault) });
            }
            // Stray bytes in a row are one trouble.
            muted = muted.max(at + extent + usize::from(fault == "no_start"));
        }
        shared = false;
        at += 1;
    }
    scan
}

/// Shortest frame, flags included: one-byte addresses and no information.
const SHORTEST: usize = FIXED + 4;

enum Candidate {
    /// A frame of so many bytes, flags included.
    Good(Frame, usize),
    /// So many bytes are missing at least.
    Open(usize),
    /// A single flag at the very end.
    Lone,
    /// A flag before another one: fill between frames, or a closing flag before the opening one.
    Flags,
    /// Claims so many bytes, and this is wrong.
    Bad(&'static str, usize),
    /// No frame begins here.
    Stray,
}

fn candidate(bytes: &[u8]) -> Candidate {
    let (Some(&FLAG), after) = (bytes.first(), bytes.get(1..).unwrap_or_default()) else {
        return Candidate::Stray;
    };
    let (format, low) = match *after {
        [] => return Candidate::Lone,
        [FLAG, ..] => return Candidate::Flags,
        [format] if format & 0xF0 == TYPE_3 => return Candidate::Open(SHORTEST - 2),
        [format, low, ..] if format & 0xF0 == TYPE_3 => (format, low),
        // Flag, then something else: a frame's end, then noise; the noise is told of, not the flag.
        _ => return Candidate::Flags,
    };
    let length = (usize::from(format & 0x07) << 8) | usize::from(low);
    let extent = length + 2;
    let Some((to, from, head)) = header(after) else {
        return match after.len() < 3 + 2 * ADDRESS_MAX && after.len() < length {
            true => Candidate::Open(extent.saturating_sub(bytes.len()).max(1)),
            false => Candidate::Bad("bad_length", extent.min(bytes.len())),
        };
    };
    let plain = length == head + 2;
    if !plain && length < head + 5 {
        return Candidate::Bad("bad_length", extent.min(bytes.len()));
    }
    if !plain {
        match after.get(head..head + 2) {
            None => return Candidate::Open(extent - bytes.len()),
            Some(hcs) if *hcs != crc(after.get(..head).unwrap_or_default()) => {
                return Candidate::Bad("bad_hcs", head + 3);
            }
            Some(_) => {}
        }
    }
    let (Some(body), Some(end)) = (after.get(..length), after.get(length)) else {
        return Candidate::Open(extent - bytes.len());
    };
    let (checked, fcs) = body.split_at(length - 2);
    if crc(checked) != *fcs {
        return Candidate::Bad("bad_fcs", extent);
    }
    if *end != FLAG {
        return Candidate::Bad("bad_end", extent);
    }
    let info = if plain { &[][..] } else { checked.get(head + 2..).unwrap_or_default() };
    let frame = Frame {
        to: to.to_vec(),
        from: from.to_vec(),
        control: checked.get(head - 1).copied().unwrap_or_default(),
        segmented: format & SEGMENTED != 0,
        info: info.to_vec(),
    };
    Candidate::Good(frame, extent)
}

/// The two address fields and the length of the header, format and control fields included.
fn header(after: &[u8]) -> Option<(&[u8], &[u8], usize)> {
    let to = address(after.get(2..)?)?;
    let from = address(after.get(2 + to.len()..)?)?;
    let head = 2 + to.len() + from.len() + 1;
    (after.len() >= head).then_some((to, from, head))
}

/// An address field: up to the first byte with its lowest bit set, 1, 2 or 4 bytes.
fn address(bytes: &[u8]) -> Option<&[u8]> {
    let last = bytes.iter().take(ADDRESS_MAX).position(|byte| byte & 1 == 1)?;
    let field = bytes.get(..=last)?;
    Server::from_wire(field).map(|_| field)
}
