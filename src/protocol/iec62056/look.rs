//! What answers what: the messages of a meter that a question may have.

use super::data;
use super::ear::Look;
use super::frame::{Found, Ident, TRUNCATED, Telegram, first, scan};
use crate::protocol::exchange::Refusal;

/// Noise in front of a single character that is still taken for an answer.
const STRAY: usize = 1;

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// An identification.
    Ident,
    /// The call for a password.
    Seed,
    /// Any data: a table, or a further block.
    Data,
    /// The value of this address.
    Value(String),
    /// Yes or no to a password or a write.
    Word,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Got {
    Ident(Ident),
    Seed(String),
    Data { text: String, more: bool },
    Refused(Refusal),
    Ack,
    Nak,
    Break,
}

/// Looks for an answer. Our own echo, strangers and noise are passed over.
pub(super) fn look(want: &Want, heard: &[u8]) -> Look<Got> {
    if *want == Want::Ident {
        return look_ident(heard);
    }
    let found = scan(heard);
    let mut spoilt = false;
    let mut noise = 0;
    for (at, piece) in found.iter().enumerate() {
        let end = piece.end;
        match &piece.what {
            Ok(telegram) => match answer(want, telegram) {
                Some(got @ (Got::Ack | Got::Nak)) if *want == Want::Word => {
                    let last = at + 1 == found.len();
                    return if last && noise <= STRAY { Look::Alone(got) } else { Look::Nothing };
                }
                Some(got) => return Look::Got(got, end),
                None => {}
            },
            Err(fault) => {
                spoilt |= piece.bcc.is_some();
                // What a head garbles of our own message is longer.
                noise += if *fault == TRUNCATED { 0 } else { end - piece.start };
            }
        }
    }
    match found.last() {
        Some(Found { what: Err(TRUNCATED), start, .. }) => Look::Begun(*start),
        _ if spoilt => Look::Spoilt,
        _ => Look::Nothing,
    }
}

/// An identification has no check character, so it is looked for behind every `/`.
fn look_ident(heard: &[u8]) -> Look<Got> {
    let slash = |at: &usize| heard.get(*at).is_some_and(|byte| byte & 0x7F == b'/');
    let mut begun = None;
    for at in (0..heard.len()).filter(slash) {
        match first(heard.get(at..).unwrap_or_default()) {
            Some(Found { what: Ok(Telegram::Ident(ident)), end, .. }) => {
                return Look::Got(Got::Ident(ident), at + end);
            }
            Some(Found { what: Err(TRUNCATED), .. }) => begun = Some(at),
            _ => {}
        }
    }
    begun.map_or(Look::Nothing, Look::Begun)
}

fn answer(want: &Want, telegram: &Telegram) -> Option<Got> {
    match (want, telegram) {
        (Want::Seed, Telegram::Command { name, data: Some(data), .. }) if name == "P0" => {
            let (sets, _) = data::parse(data);
            Some(Got::Seed(sets.into_iter().next().map(|set| set.value).unwrap_or_default()))
        }
        (Want::Data, Telegram::Data { text, more }) => {
            Some(Got::Data { text: text.clone(), more: *more })
        }
        (Want::Seed | Want::Value(_) | Want::Word, Telegram::Data { text, more }) => {
            if let Some((_, code)) = data::refusal(text) {
                return Some(Got::Refused(Refusal { code, name: "error-answer" }));
            }
            match want {
                Want::Value(address) if names(text, address) => {
                    Some(Got::Data { text: text.clone(), more: *more })
                }
                _ => None,
            }
        }
        (Want::Word, Telegram::Ack) => Some(Got::Ack),
        (Want::Word | Want::Value(_), Telegram::Nak) => Some(Got::Nak),
        (Want::Word | Want::Value(_) | Want::Seed, Telegram::Command { name, .. })
            if name == "B0" =>
        {
            Some(Got::Break)
        }
        _ => None,
    }
}

/// Whether data can be the value of `address`: it says so, or names nothing.
fn names(text: &str, address: &str) -> bool {
    data::parse(text).0.first().is_some_and(|set| {
        set.address.as_deref().is_none_or(|named| data::short(named) == data::short(address))
    })
}

/// Whether data names its address.
pub(super) fn named(text: &str) -> bool {
    data::parse(text).0.first().is_some_and(|set| set.address.is_some())
}
