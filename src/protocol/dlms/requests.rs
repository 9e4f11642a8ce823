//! What a client asks: GET, SET, ACTION as messages, both ways.

use super::data::Data;
use super::object::{Attribute, Obis};
use super::reader::{Fault, Reader, put_length};

/// A part of what is read: selector and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// 1 by range, 2 by entry.
    pub selector: u8,
    /// The range or the entries.
    pub parameters: Data,
}

/// A part of a long value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// No more follow.
    pub last: bool,
    /// From 1.
    pub number: u32,
    /// The bytes.
    pub raw: Vec<u8>,
}

/// A request. `invoke` is the invoke-id-and-priority byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// One attribute.
    Get { invoke: u8, at: Attribute, selection: Option<Selection> },
    /// The block after this one.
    GetNext { invoke: u8, block: u32 },
    /// Several attributes.
    GetList { invoke: u8, at: Vec<(Attribute, Option<Selection>)> },
    /// Write.
    Set { invoke: u8, at: Attribute, selection: Option<Selection>, data: Data },
    /// Write, the first part.
    SetFirst { invoke: u8, at: Attribute, selection: Option<Selection>, block: Block },
    /// A further part.
    SetNext { invoke: u8, block: Block },
    /// Run a method.
    Action { invoke: u8, at: Attribute, data: Option<Data> },
}

/// Confirmed service, normal priority; the low four bits are the invoke id.
pub const INVOKE: u8 = 0xC0;

impl Ask {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "GetRequestNormal",
            Self::GetNext { .. } => "GetRequestNext",
            Self::GetList { .. } => "GetRequestWithList",
            Self::Set { .. } => "SetRequestNormal",
            Self::SetFirst { .. } => "SetRequestWithFirstDatablock",
            Self::SetNext { .. } => "SetRequestWithDatablock",
            Self::Action { .. } => "ActionRequestNormal",
        }
    }

    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Get { invoke, at, selection } => {
                out.extend([0xC0, 0x01, *invoke]);
                put_attribute(&mut out, at, selection.as_ref());
            }
            Self::GetNext { invoke, block } => {
                out.extend([0xC0, 0x02, *invoke]);
                out.extend(block.to_be_bytes());
            }
            Self::GetList { invoke, at } => {
                out.extend([0xC0, 0x03, *invoke]);
                put_length(&mut out, at.len());
                at.iter().for_each(|(at, sel)| put_attribute(&mut out, at, sel.as_ref()));
            }
            Self::Set { invoke, at, selection, data } => {
                out.extend([0xC1, 0x01, *invoke]);
                put_attribute(&mut out, at, selection.as_ref());
                data.encode(&mut out);
            }
            Self::SetFirst { invoke, at, selection, block } => {
                out.extend([0xC1, 0x02, *invoke]);
                put_attribute(&mut out, at, selection.as_ref());
                put_block(&mut out, block);
            }
            Self::SetNext { invoke, block } => {
                out.extend([0xC1, 0x03, *invoke]);
                put_block(&mut out, block);
            }
            Self::Action { invoke, at, data } => {
                out.extend([0xC3, 0x01, *invoke]);
                put_object(&mut out, at);
                out.push(u8::from(data.is_some()));
                if let Some(data) = data {
                    data.encode(&mut out);
                }
            }
        }
        out
    }

    /// Reads what follows the tag of a request. Forms that are not built here have a name only.
    pub fn read(tag: u8, reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let (kind, invoke) = (reader.byte()?, reader.byte()?);
        Ok(match (tag, kind) {
            (0xC0, 1) => {
                let (at, selection) = read_attribute(reader)?;
                Self::Get { invoke, at, selection }
            }
            (0xC0, 2) => Self::GetNext { invoke, block: reader.long()? },
            (0xC0, 3) => {
                let count = reader.length()?;
                let mut at = Vec::new();
                for _ in 0..count {
                    at.push(read_attribute(reader)?);
                }
                Self::GetList { invoke, at }
            }
            (0xC1, 1) => {
                let (at, selection) = read_attribute(reader)?;
                Self::Set { invoke, at, selection, data: Data::read(reader)? }
            }
            (0xC1, 2) => {
                let (at, selection) = read_attribute(reader)?;
                Self::SetFirst { invoke, at, selection, block: read_block(reader)? }
            }
            (0xC1, 3) => Self::SetNext { invoke, block: read_block(reader)? },
            (0xC3, 1) => {
                let at = read_object(reader)?;
                let data = if reader.byte()? == 0 { None } else { Some(Data::read(reader)?) };
                Self::Action { invoke, at, data }
            }
            (0xC1, 4) => return Err(Fault::Unread("SetRequestWithList")),
            (0xC1, 5) => return Err(Fault::Unread("SetRequestWithListAndFirstDatablock")),
            (0xC3, 2) => return Err(Fault::Unread("ActionRequestNextPblock")),
            (0xC3, 3) => return Err(Fault::Unread("ActionRequestWithList")),
            (0xC3, 4) => return Err(Fault::Unread("ActionRequestWithFirstPblock")),
            (0xC3, 5) => return Err(Fault::Unread("ActionRequestWithListAndFirstPblock")),
            (0xC3, 6) => return Err(Fault::Unread("ActionRequestWithPblock")),
            _ => return Err(Fault::Odd("bad_request_type")),
        })
    }
}

fn put_object(out: &mut Vec<u8>, at: &Attribute) {
    out.extend(at.class.to_be_bytes());
    out.extend(at.obis.0);
    out.extend(at.index.to_be_bytes());
}

fn put_attribute(out: &mut Vec<u8>, at: &Attribute, selection: Option<&Selection>) {
    put_object(out, at);
    out.push(u8::from(selection.is_some()));
    if let Some(Selection { selector, parameters }) = selection {
        out.push(*selector);
        parameters.encode(out);
    }
}

fn put_block(out: &mut Vec<u8>, block: &Block) {
    out.push(u8::from(block.last));
    out.extend(block.number.to_be_bytes());
    put_length(out, block.raw.len());
    out.extend_from_slice(&block.raw);
}

fn read_object(reader: &mut Reader<'_>) -> Result<Attribute, Fault> {
    let (class, obis) = (reader.word()?, Obis(reader.array()?));
    Ok(Attribute { class, obis, index: i8::from_be_bytes(reader.array()?) })
}

fn read_attribute(reader: &mut Reader<'_>) -> Result<(Attribute, Option<Selection>), Fault> {
    let at = read_object(reader)?;
    let selection = if reader.byte()? == 0 {
        None
    } else {
        Some(Selection { selector: reader.byte()?, parameters: Data::read(reader)? })
    };
    Ok((at, selection))
}

fn read_block(reader: &mut Reader<'_>) -> Result<Block, Fault> {
    let (last, number) = (reader.byte()? != 0, reader.long()?);
    Ok(Block { last, number, raw: reader.counted()?.to_vec() })
}
