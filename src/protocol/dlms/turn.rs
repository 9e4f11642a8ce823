//! One request with everything that belongs to it: blocks both ways, lists asked one by one.

use std::collections::VecDeque;

use super::acse::Association;
use super::apdu::{Apdu, Got, Told, blocks, read_results, read_value};
use super::link::Budget;
use super::names;
use super::object::Attribute;
use super::reader::{Fault, Reader};
use super::requests::{Ask, Block, INVOKE};
use super::session::{Answer, Request};
use crate::protocol::exchange::{Refusal, Reply, Retry};

/// Longest value put together from blocks: a year of load profile in quarter hours.
const VALUE_MAX: usize = 256 * 1024;
/// The least anybody's "longest message" can mean.
const PDU_MIN: usize = 32;
/// Conformance bits.
const SET_BLOCKS: usize = 12;
const MULTIPLE: usize = 14;
/// What a block takes beside its bytes: last, number, length.
const BLOCK_HEAD: usize = 1 + 4 + 3;

/// What comes next.
pub enum Next {
    /// This message.
    Say(Vec<u8>),
    /// The request is answered.
    Reply(Reply<Answer>),
    /// It cannot be sent.
    TooLong,
    /// What came is no answer to it.
    Astray(&'static str),
    /// The answer does not end.
    Endless,
}

/// The request being asked.
#[derive(Debug)]
pub struct Current {
    request: Request,
    granted: Association,
    tries_left: u8,
    invoke: u8,
    /// Bytes of a long value so far, and the last block's number.
    raw: Vec<u8>,
    block: u32,
    budget: Budget,
    /// Parts of a long SET still to be sent.
    parts: VecDeque<Block>,
    /// A list asked one by one: what has been answered.
    singly: Option<Vec<Got>>,
}

impl Current {
    pub fn new(request: Request, granted: Association, retry: Retry) -> Self {
        Self {
            request,
            granted,
            tries_left: retry.reads,
            invoke: 0,
            raw: Vec::new(),
            block: 0,
            budget: Budget::new(VALUE_MAX),
            parts: VecDeque::new(),
            singly: None,
        }
    }

    pub fn reads(&self) -> bool {
        self.request.reads()
    }

    /// Longest message the meter takes.
    fn room(&self) -> usize {
        match usize::from(self.granted.max_pdu) {
            0 => usize::MAX,
            most => most.max(PDU_MIN),
        }
    }

    /// The first message.
    pub fn begin(&mut self, invoke: u8) -> Next {
        self.invoke = INVOKE | invoke;
        self.raw.clear();
        self.block = 0;
        self.budget = Budget::new(VALUE_MAX);
        let invoke = self.invoke;
        let room = self.room();
        let ask = match &self.request {
            Request::Get(at) => Ask::Get { invoke, at: *at, selection: None },
            Request::GetList(list) if self.singly.is_none() => {
                let at = list.iter().map(|at| (*at, None)).collect();
                let all = Ask::GetList { invoke, at };
                let many = self.granted.can(MULTIPLE) && list.len() > 1;
                if many && all.encode().len() <= room {
                    all
                } else {
                    self.singly = Some(Vec::new());
                    return self.single();
                }
            }
            Request::GetList(_) => return self.single(),
            Request::Set(at, data) => {
                let (at, data) = (*at, data.clone());
                return self.set(at, Ask::Set { invoke, at, selection: None, data }, room);
            }
            Request::Action(at, data) => Ask::Action { invoke, at: *at, data: data.clone() },
        };
        let message = ask.encode();
        if message.len() <= room { Next::Say(message) } else { Next::TooLong }
    }

    /// The next attribute of a list asked one by one.
    fn single(&mut self) -> Next {
        let (Request::GetList(list), Some(got)) = (&self.request, &mut self.singly) else {
            return Next::Astray("list");
        };
        match list.get(got.len()) {
            Some(at) => {
                let ask = Ask::Get { invoke: self.invoke, at: *at, selection: None };
                Next::Say(ask.encode())
            }
            None => Next::Reply(Reply::Data(Answer::List(std::mem::take(got)))),
        }
    }

    /// A SET, in blocks if it has to be.
    fn set(&mut self, at: Attribute, whole: Ask, room: usize) -> Next {
        let message = whole.encode();
        if message.len() <= room {
            return Next::Say(message);
        }
        let Ask::Set { invoke, data, .. } = whole else { return Next::TooLong };
        if !self.granted.can(SET_BLOCKS) {
            return Next::TooLong;
        }
        let empty = Block { last: false, number: 1, raw: Vec::new() };
        let head = Ask::SetFirst { invoke, at, selection: None, block: empty }.encode().len();
        let mut raw = Vec::new();
        data.encode(&mut raw);
        self.parts = blocks(&raw, room.saturating_sub(head + BLOCK_HEAD)).into();
        match self.parts.pop_front() {
            Some(block) => {
                self.block = block.number;
                Next::Say(Ask::SetFirst { invoke, at, selection: None, block }.encode())
            }
            None => Next::TooLong,
        }
    }

    /// A message came. `invoke`: the number for the next one, should it be needed.
    pub fn told(&mut self, read: Result<Apdu, Fault>, invoke: u8) -> Next {
        let told = match read {
            Ok(Apdu::Told(told)) => told,
            Ok(Apdu::Exception(state, service)) => {
                return self.refused(names::exception(state, service), invoke);
            }
            Ok(Apdu::ServiceError([_, kind, value])) => {
                let code = u16::from_be_bytes([kind, value]);
                return self.refused(Refusal { code, name: "confirmed-service-error" }, invoke);
            }
            Ok(_) => return self.astray("other_service", invoke),
            Err(fault) => return self.astray(fault.name(), invoke),
        };
        if told.invoke() & 0x0F != self.invoke & 0x0F {
            return self.astray("invoke_id", invoke);
        }
        match (&self.request, told) {
            (Request::Get(_) | Request::GetList(_), Told::Get { result, .. }) => {
                self.got(result, invoke)
            }
            (Request::Get(_) | Request::GetList(_), Told::GetBlock { last, number, raw, .. }) => {
                self.got_block(last, number, raw, invoke)
            }
            (Request::GetList(_), Told::GetList { results, .. }) => self.got_list(results, invoke),
            (Request::Set(..), Told::Set { result, .. }) => done(result, None, names::data_access),
            (Request::Set(..), Told::SetBlock { number, .. }) if number == self.block => {
                self.set_on()
            }
            (Request::Set(..), Told::SetLast { result, .. }) if self.parts.is_empty() => {
                done(result, None, names::data_access)
            }
            (Request::Action(..), Told::Action { result, value, .. }) => {
                done(result, value, names::action)
            }
            _ => self.astray("other_service", invoke),
        }
    }

    /// Not an answer to this. Reads are asked again under a new number.
    fn astray(&mut self, what: &'static str, invoke: u8) -> Next {
        match self.tries_left.checked_sub(1) {
            Some(left) if self.reads() => {
                self.tries_left = left;
                self.begin(invoke)
            }
            _ => Next::Astray(what),
        }
    }

    fn refused(&mut self, refusal: Refusal, invoke: u8) -> Next {
        // The meter cannot do lists, whatever it granted.
        if matches!(self.request, Request::GetList(_)) && self.singly.is_none() {
            self.singly = Some(Vec::new());
            return self.begin(invoke);
        }
        Next::Reply(Reply::Refused(refusal))
    }

    /// A whole value, or why there is none.
    fn got(&mut self, got: Got, invoke: u8) -> Next {
        if let Some(all) = &mut self.singly {
            all.push(got);
            return self.begin(invoke);
        }
        if matches!(self.request, Request::GetList(_)) {
            return self.astray("other_service", invoke);
        }
        Next::Reply(match got {
            Got::Data(data) => Reply::Data(Answer::Value(data)),
            Got::Opaque(why, bytes) => Reply::Data(Answer::Opaque(why, bytes)),
            Got::Refused(code) => Reply::Refused(names::refusal(code, names::data_access)),
        })
    }

    fn got_list(&mut self, results: Vec<Got>, invoke: u8) -> Next {
        match &self.request {
            Request::GetList(list) if self.singly.is_none() && list.len() == results.len() => {
                Next::Reply(Reply::Data(Answer::List(results)))
            }
            _ => self.astray("list_length", invoke),
        }
    }

    fn got_block(&mut self, last: bool, number: u32, raw: Result<Vec<u8>, u8>, invoke: u8) -> Next {
        let raw = match raw {
            Ok(raw) => raw,
            Err(code) => return self.got(Got::Refused(code), invoke),
        };
        if Some(number) != self.block.checked_add(1) {
            return self.astray("block_number", invoke);
        }
        self.block = number;
        self.raw.extend_from_slice(&raw);
        if !self.budget.take(self.raw.len()) {
            return Next::Endless;
        }
        if !last {
            return Next::Say(Ask::GetNext { invoke: self.invoke, block: number }.encode());
        }
        let whole = std::mem::take(&mut self.raw);
        if matches!(self.request, Request::GetList(_)) && self.singly.is_none() {
            return match read_results(&mut Reader::new(&whole)) {
                Ok(results) => self.got_list(results, invoke),
                Err(fault) => self.astray(fault.name(), invoke),
            };
        }
        self.got(read_value(&whole), invoke)
    }

    /// The meter has taken a part.
    fn set_on(&mut self) -> Next {
        match self.parts.pop_front() {
            Some(block) => {
                self.block = block.number;
                Next::Say(Ask::SetNext { invoke: self.invoke, block }.encode())
            }
            None => Next::Astray("other_service"),
        }
    }
}

/// What became of a write.
fn done(result: u8, value: Option<Got>, name: fn(u8) -> &'static str) -> Next {
    Next::Reply(match result {
        0 => Reply::Data(Answer::Done(value)),
        code => Reply::Refused(names::refusal(code, name)),
    })
}
