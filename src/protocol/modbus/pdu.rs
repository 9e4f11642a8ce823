//! What is in a frame: requests, what their replies look like, exceptions by name.

use super::frame::MAX_PDU;

/// Set in the function code of an exception reply.
pub const EXCEPTION: u8 = 0x80;
/// Most registers one read may ask for (Modbus application protocol 1.1b3, 6.3).
pub const MAX_READ: u16 = 125;
/// Most registers one write may carry (6.12).
pub const MAX_WRITE: usize = 123;

/// Which registers: they are two tables, which most meters serve from one memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Holding registers, function 03.
    Holding,
    /// Input registers, function 04.
    Input,
}

impl Table {
    /// The function that reads it.
    pub fn function(self) -> u8 {
        match self {
            Self::Holding => 0x03,
            Self::Input => 0x04,
        }
    }

    /// The table a function reads.
    pub fn of(function: u8) -> Option<Self> {
        match function {
            0x03 => Some(Self::Holding),
            0x04 => Some(Self::Input),
            _ => None,
        }
    }
}

/// A request. Writes are made in `write` and `money` alone, which look at what is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// 03 or 04.
    Read { table: Table, start: u16, count: u16 },
    /// 06.
    WriteOne { register: u16, value: u16 },
    /// 10H.
    WriteMany { start: u16, words: Vec<u16> },
    /// Any other function; `reply` bytes come back behind the function code.
    Raw { function: u8, data: Vec<u8>, reply: usize },
}

impl Request {
    pub fn function(&self) -> u8 {
        match self {
            Self::Read { table, .. } => table.function(),
            Self::WriteOne { .. } => 0x06,
            Self::WriteMany { .. } => 0x10,
            Self::Raw { function, .. } => *function,
        }
    }

    /// The PDU to send.
    pub fn pdu(&self) -> Vec<u8> {
        let mut pdu = vec![self.function()];
        match self {
            Self::Read { start, count, .. } => {
                pdu.extend(start.to_be_bytes());
                pdu.extend(count.to_be_bytes());
            }
            Self::WriteOne { register, value } => {
                pdu.extend(register.to_be_bytes());
                pdu.extend(value.to_be_bytes());
            }
            Self::WriteMany { start, words } => {
                pdu.extend(start.to_be_bytes());
                pdu.extend((words.len() as u16).to_be_bytes());
                pdu.push((words.len() * 2) as u8);
                pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            }
            Self::Raw { data, .. } => pdu.extend_from_slice(data),
        }
        pdu
    }

    /// Bytes of the good reply's PDU.
    pub fn reply_len(&self) -> usize {
        match self {
            Self::Read { count, .. } => 2 + 2 * usize::from(*count),
            Self::WriteOne { .. } | Self::WriteMany { .. } => 5,
            Self::Raw { reply, .. } => 1 + (*reply).min(MAX_PDU - 1),
        }
    }

    /// What the good reply's PDU begins with, as far as the request tells.
    pub fn reply_head(&self) -> Vec<u8> {
        match self {
            Self::Read { table, count, .. } => vec![table.function(), (count * 2) as u8],
            Self::WriteOne { .. } => self.pdu(),
            Self::WriteMany { .. } => self.pdu().into_iter().take(5).collect(),
            Self::Raw { function, .. } => vec![*function],
        }
    }

    /// What a whole good reply says: the registers' bytes of a read, else everything behind the
    /// function code.
    pub fn body(&self, pdu: &[u8]) -> Vec<u8> {
        let skip = if matches!(self, Self::Read { .. }) { 2 } else { 1 };
        pdu.get(skip..).unwrap_or_default().to_vec()
    }
}

/// The stable name of an exception code.
pub fn exception_name(code: u8) -> &'static str {
    match code {
        0x01 => "illegal-function",
        0x02 => "illegal-data-address",
        0x03 => "illegal-data-value",
        0x04 => "device-failure",
        0x05 => "acknowledge",
        0x06 => "device-busy",
        0x07 => "negative-acknowledge",
        0x08 => "memory-parity-error",
        0x0A => "gateway-path-unavailable",
        0x0B => "gateway-target-no-answer",
        _ => "unknown-exception",
    }
}

/// The stable name of a function.
pub fn function_name(function: u8) -> &'static str {
    match function & !EXCEPTION {
        0x01 => "read-coils",
        0x02 => "read-discrete-inputs",
        0x03 => "read-holding-registers",
        0x04 => "read-input-registers",
        0x05 => "write-single-coil",
        0x06 => "write-single-register",
        0x07 => "read-exception-status",
        0x08 => "diagnostics",
        0x0B => "get-event-counter",
        0x0C => "get-event-log",
        0x0F => "write-multiple-coils",
        0x10 => "write-multiple-registers",
        0x11 => "report-server-id",
        0x14 => "read-file-record",
        0x15 => "write-file-record",
        0x16 => "mask-write-register",
        0x17 => "read-write-registers",
        0x18 => "read-fifo-queue",
        0x2B => "encapsulated-interface",
        _ => "private-function",
    }
}
