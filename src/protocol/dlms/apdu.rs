//! Messages of the application layer: told apart by their tag, answers read.

use super::acse::{self, Aare, Aarq};
use super::data::Data;
use super::names;
use super::reader::{Fault, Reader};
use super::requests::{Ask, Block};

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// The value.
    Data(Data),
    /// Data-Access-Result.
    Refused(u8),
    /// A value of a kind that is not read; its name and bytes.
    Opaque(&'static str, Vec<u8>),
}

/// An answer. `invoke` is the invoke-id-and-priority byte of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// To a GET.
    Get { invoke: u8, result: Got },
    /// A part of a long value, or why there is none.
    GetBlock { invoke: u8, last: bool, number: u32, raw: Result<Vec<u8>, u8> },
    /// To a GET of several attributes.
    GetList { invoke: u8, results: Vec<Got> },
    /// To a SET.
    Set { invoke: u8, result: u8 },
    /// A part of a SET has come.
    SetBlock { invoke: u8, number: u32 },
    /// The last part of a SET has come.
    SetLast { invoke: u8, result: u8, number: u32 },
    /// To an ACTION: the result, and what the method returned.
    Action { invoke: u8, result: u8, value: Option<Got> },
}

impl Told {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "GetResponseNormal",
            Self::GetBlock { .. } => "GetResponseWithDatablock",
            Self::GetList { .. } => "GetResponseWithList",
            Self::Set { .. } => "SetResponseNormal",
            Self::SetBlock { .. } => "SetResponseDatablock",
            Self::SetLast { .. } => "SetResponseLastDatablock",
            Self::Action { .. } => "ActionResponseNormal",
        }
    }

    /// The invoke-id-and-priority byte.
    pub fn invoke(&self) -> u8 {
        match self {
            Self::Get { invoke, .. }
            | Self::GetBlock { invoke, .. }
            | Self::GetList { invoke, .. }
            | Self::Set { invoke, .. }
            | Self::SetBlock { invoke, .. }
            | Self::SetLast { invoke, .. }
            | Self::Action { invoke, .. } => *invoke,
        }
    }

    fn read(tag: u8, reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let (kind, invoke) = (reader.byte()?, reader.byte()?);
        Ok(match (tag, kind) {
            (0xC4, 1) => Self::Get { invoke, result: read_last_got(reader)? },
            (0xC4, 2) => {
                let (last, number) = (reader.byte()? != 0, reader.long()?);
                let raw = match reader.byte()? {
                    0 => Ok(reader.counted()?.to_vec()),
                    1 => Err(reader.byte()?),
                    _ => return Err(Fault::Odd("bad_choice")),
                };
                Self::GetBlock { invoke, last, number, raw }
            }
            (0xC4, 3) => Self::GetList { invoke, results: read_results(reader)? },
            (0xC5, 1) => Self::Set { invoke, result: reader.byte()? },
            (0xC5, 2) => Self::SetBlock { invoke, number: reader.long()? },
            (0xC5, 3) => Self::SetLast { invoke, result: reader.byte()?, number: reader.long()? },
            (0xC7, 1) => {
                let result = reader.byte()?;
                // Some meters leave the "no return value" away.
                let value = match reader.is_empty() || reader.byte()? == 0 {
                    true => None,
                    false => Some(read_last_got(reader)?),
                };
                Self::Action { invoke, result, value }
            }
            (0xC5, 4) => return Err(Fault::Unread("SetResponseLastDatablockWithList")),
            (0xC5, 5) => return Err(Fault::Unread("SetResponseWithList")),
            (0xC7, 2) => return Err(Fault::Unread("ActionResponseWithPblock")),
            (0xC7, 3) => return Err(Fault::Unread("ActionResponseWithList")),
            (0xC7, 4) => return Err(Fault::Unread("ActionResponseNextPblock")),
            _ => return Err(Fault::Odd("bad_response_type")),
        })
    }
}

/// A value up to the end of the message: one that is not read keeps its bytes.
fn read_last_got(reader: &mut Reader<'_>) -> Result<Got, Fault> {
    match reader.byte()? {
        0 => Ok(read_value(reader.rest())),
        1 => Ok(Got::Refused(reader.byte()?)),
        _ => Err(Fault::Odd("bad_choice")),
    }
}

/// A whole value; one that is not read keeps its bytes.
pub fn read_value(bytes: &[u8]) -> Got {
    match Data::decode(bytes) {
        Ok(data) => Got::Data(data),
        Err(why) => Got::Opaque(why, bytes.to_vec()),
    }
}

/// The results of a list: how many, then each.
pub fn read_results(reader: &mut Reader<'_>) -> Result<Vec<Got>, Fault> {
    let count = reader.length()?;
    let mut results = Vec::new();
    for _ in 0..count {
        results.push(match reader.byte()? {
            0 => Got::Data(Data::read(reader)?),
            1 => Got::Refused(reader.byte()?),
            _ => return Err(Fault::Odd("bad_choice")),
        });
    }
    if reader.is_empty() { Ok(results) } else { Err(Fault::Odd("bytes_left_over")) }
}

/// Any message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Apdu {
    /// Open an association.
    Aarq(Aarq),
    /// The answer to it.
    Aare(Aare),
    /// Release it; the reason.
    Rlrq(Option<u8>),
    /// The answer to it; the reason.
    Rlre(Option<u8>),
    /// A request.
    Ask(Ask),
    /// An answer.
    Told(Told),
    /// The meter cannot do that now: state-error and service-error.
    Exception(u8, u8),
    /// The same from the association service: service, kind, value.
    ServiceError([u8; 3]),
    /// What a meter pushes.
    Notification {
        /// The long invoke id.
        invoke: u32,
        /// When it was made.
        at: Option<Vec<u8>>,
        /// What it says.
        value: Got,
    },
    /// Known by name only.
    Other(&'static str),
}

impl Apdu {
    /// Reads a message.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let tag = reader.byte()?;
        Ok(match tag {
            0x60 => Self::Aarq(acse::read_aarq(reader.counted()?)?),
            0x61 => Self::Aare(acse::read_aare(reader.counted()?)?),
            0x62 => Self::Rlrq(acse::read_reason(reader.counted()?)),
            0x63 => Self::Rlre(acse::read_reason(reader.counted()?)),
            0xC0 | 0xC1 | 0xC3 => Self::Ask(Ask::read(tag, &mut reader)?),
            0xC4 | 0xC5 | 0xC7 => Self::Told(Told::read(tag, &mut reader)?),
            0xD8 => Self::Exception(reader.byte()?, reader.byte()?),
            0x0E => Self::ServiceError(reader.array()?),
            0x0F => {
                let invoke = reader.long()?;
                let at = reader.counted()?;
                let at = (!at.is_empty()).then(|| at.to_vec());
                Self::Notification { invoke, at, value: read_value(reader.rest()) }
            }
            _ => Self::Other(names::tag(tag).ok_or(Fault::Odd("unknown_apdu"))?),
        })
    }
}

/// The parts of `raw` that fit messages of `room` bytes.
pub fn blocks(raw: &[u8], room: usize) -> Vec<Block> {
    let parts: Vec<&[u8]> = raw.chunks(room.max(1)).collect();
    let block = |(index, part): (usize, &&[u8])| Block {
        last: index + 1 == parts.len(),
        number: u32::try_from(index + 1).unwrap_or(u32::MAX),
        raw: part.to_vec(),
    };
    parts.iter().enumerate().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_reads_back() {
        use crate::protocol::dlms::{Attribute, Obis};
        let at = Attribute { class: 3, obis: Obis([1, 0, 1, 8, 0, 255]), index: -2 };
        let raw = (0..200).collect::<Vec<u8>>();
        let asks = [
            Ask::Get { invoke: 0xC1, at, selection: None },
            Ask::GetNext { invoke: 0xC1, block: 7 },
            Ask::GetList { invoke: 0xC2, at: vec![(at, None), (at, None)] },
            Ask::Set { invoke: 0xC3, at, selection: None, data: Data::Octets(raw.clone()) },
            Ask::Action { invoke: 0xC4, at, data: Some(Data::Int(1, 0)) },
            Ask::Action { invoke: 0xC4, at, data: None },
        ];
        for ask in asks {
            assert_eq!(Apdu::read(&ask.encode()), Ok(Apdu::Ask(ask)));
        }
        for (number, block) in blocks(&raw, 77).into_iter().enumerate() {
            let ask = match number {
                0 => Ask::SetFirst { invoke: 0xC5, at, selection: None, block },
                _ => Ask::SetNext { invoke: 0xC5, block },
            };
            let mut bytes = ask.encode();
            assert_eq!(Apdu::read(&bytes), Ok(Apdu::Ask(ask)));
            bytes.pop();
            assert_eq!(Apdu::read(&bytes), Err(Fault::Short));
        }
    }
}
