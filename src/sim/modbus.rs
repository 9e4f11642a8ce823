//! Simulated Modbus meters: a register image made from a profile, behind RTU or TCP frames.
//!
//! The meter's side is written from `reference/other-meters.md` 1 and the Modbus specifications; it
//! shares only the codec of whole frames with the driver (design, invariant 7). Where no document
//! says how a recharge block is accepted (1.4), the rule is declared here and nowhere else known:
//! a recharge counts only when it is the next purchase and names the account stored, and its
//! amount is added once.
//!
//! * [`ModbusMeter`] is one unit: purse, energy, registers, faults.
//! * [`ModbusBus`] is a line of them; [`ModbusBus::from_toml`] reads one from a file, boxes of many
//!   users included.
//!
//! Limits: settings written are kept but change nothing; registers between those a profile names
//! read as zero in the same 256; no history blocks (1A00, 1B00).

mod file;
mod image;
mod meter;
mod show;

pub use file::ModbusFileError;
pub use meter::{ModbusMeter, ModbusSetup};

use std::time::Duration;

use super::bus::Bus;
use super::purse::AuditError;
use crate::protocol::modbus::frame::{self, MAX_RTU, Mbap, Unit};
use crate::units::MeterNo;

/// A pause that ends a request: generous, for bytes may come through an adapter in lumps.
const GAP_MAX: Duration = Duration::from_millis(200);
/// Answers waiting to be sent at most; what comes beyond is lost.
const ANSWERS_MAX: usize = 1024;
/// Bytes of a request under way at most.
const HELD_MAX: usize = 1024;

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModbusFraming {
    /// RTU: a serial line, or a server that passes bytes on.
    Rtu,
    /// Modbus TCP.
    Tcp,
}

/// Modbus meters on one line.
#[derive(Debug, Clone)]
pub struct ModbusBus {
    framing: ModbusFraming,
    meters: Vec<ModbusMeter>,
    held: Vec<u8>,
    last_byte: Duration,
    answers: Vec<(Duration, Vec<u8>)>,
}

/// A request found in what was heard.
struct Request {
    unit: Unit,
    pdu: Vec<u8>,
    /// Transaction number on TCP.
    transaction: u16,
    /// Bytes it took.
    len: usize,
}

impl ModbusBus {
    /// These meters.
    pub fn new(framing: ModbusFraming, meters: Vec<ModbusMeter>) -> Self {
        Self { framing, meters, held: Vec::new(), last_byte: Duration::ZERO, answers: Vec::new() }
    }

    /// All meters.
    pub fn meters(&self) -> &[ModbusMeter] {
        &self.meters
    }

    /// All meters, to change them.
    pub fn meters_mut(&mut self) -> &mut [ModbusMeter] {
        &mut self.meters
    }

    /// The meter that has this number in it.
    pub fn meter(&self, no: MeterNo) -> Option<&ModbusMeter> {
        self.meters.iter().find(|meter| meter.number() == no)
    }

    /// The same, to change it.
    pub fn meter_mut(&mut self, no: MeterNo) -> Option<&mut ModbusMeter> {
        self.meters.iter_mut().find(|meter| meter.number() == no)
    }

    /// Catches every meter up with the simulation's time.
    pub fn advance(&mut self, now: Duration) {
        self.meters.iter_mut().for_each(|meter| meter.advance(now));
    }

    /// Holds every purse against its ledger.
    ///
    /// # Errors
    /// The first meter whose sums do not meet.
    pub fn audit(&self) -> Result<(), (MeterNo, AuditError)> {
        self.meters.iter().try_for_each(|meter| meter.audit().map_err(|e| (meter.number(), e)))
    }

    fn obey(&mut self, request: &Request, at: Duration) {
        for meter in &mut self.meters {
            let all = request.unit == Unit::BROADCAST;
            if !all && request.unit.0 != meter.unit() {
                continue;
            }
            let Some((after, pdu, garbled)) = meter.hear(&request.pdu, at) else { continue };
            if all || self.answers.len() >= ANSWERS_MAX {
                continue;
            }
            let mut bytes = match self.framing {
                ModbusFraming::Rtu => frame::rtu(request.unit, &pdu),
                ModbusFraming::Tcp => frame::tcp(request.transaction, request.unit, &pdu),
            };
            if garbled && let Some(last) = bytes.last_mut() {
                *last ^= 0x20;
            }
            self.answers.push((at + after, bytes));
        }
        self.answers.sort_by_key(|(start, _)| *start);
    }

    fn find(&self) -> Found {
        match self.framing {
            ModbusFraming::Rtu => find_rtu(&self.held),
            ModbusFraming::Tcp => match frame::open_tcp(&self.held) {
                Mbap::Frame { transaction, unit, pdu, len } => {
                    Found::Whole(Request { unit, pdu: pdu.to_vec(), transaction, len })
                }
                Mbap::Short(_) => Found::More,
                Mbap::No => Found::No,
            },
        }
    }
}

/// What the beginning of the bytes held is.
enum Found {
    Whole(Request),
    More,
    No,
}

/// A slave tells a request's end by silence; here also by its length, which the functions it serves
/// have all in common with their specification.
fn find_rtu(held: &[u8]) -> Found {
    let len = match held.get(1) {
        None => return Found::More,
        Some(0x01..=0x06) => 8,
        Some(0x0F | 0x10) => match held.get(6) {
            None => return Found::More,
            Some(count) => 9 + usize::from(*count),
        },
        // A function nobody here serves: it ends where its CRC says so.
        Some(_) => match (4..=held.len()).find(|len| whole(held, *len)) {
            Some(len) => len,
            None if held.len() < MAX_RTU => return Found::More,
            None => return Found::No,
        },
    };
    match held.get(..len).map(frame::open_rtu) {
        None => Found::More,
        Some(None) => Found::No,
        Some(Some((unit, pdu))) => {
            Found::Whole(Request { unit, pdu: pdu.to_vec(), transaction: 0, len })
        }
    }
}

fn whole(held: &[u8], len: usize) -> bool {
    held.get(..len).and_then(frame::open_rtu).is_some()
}

impl Bus for ModbusBus {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        if at.saturating_sub(self.last_byte) > GAP_MAX {
            self.held.clear();
        }
        self.last_byte = at;
        for byte in bytes {
            if self.held.len() >= HELD_MAX {
                self.held.clear();
            }
            self.held.push(*byte);
            loop {
                match self.find() {
                    Found::Whole(request) => {
                        self.held.drain(..request.len);
                        self.obey(&request, at);
                    }
                    Found::More => break,
                    Found::No => {
                        self.held.remove(0);
                    }
                }
                if self.held.is_empty() {
                    break;
                }
            }
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        (!self.answers.is_empty()).then(|| self.answers.remove(0))
    }

    fn speed(&self) -> Option<u32> {
        None
    }
}
