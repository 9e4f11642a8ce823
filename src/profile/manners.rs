//! How the meters of one family like to be spoken to, where makers differ: `[iec62056]` and
//! `[cjt188]` of a profile.

use super::Protocol;
use super::fault::What;
use super::raw::{Need, Notes, Table};

/// What cannot be known before a meter is spoken to, and only its maker or a trial tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manners {
    /// IEC 62056-21: the meter sleeps on its battery; 2.2 s of NUL characters wake it.
    pub wake: bool,
    /// IEC 62056-21: the line is fixed for us, and the head or server in between changes its speed
    /// by itself when it sees the choice.
    pub head_follows: bool,
    /// CJ/T 188: an answer does not repeat the serial number of its question.
    pub no_serial: bool,
}

/// Reads both sections.
pub(super) fn read(notes: &mut Notes, top: &mut Table<'_>, protocol: Option<Protocol>) -> Manners {
    let mut manners = Manners::default();
    if let Some(mut table) = section(notes, top, "iec62056", protocol, Protocol::Iec62056) {
        manners.wake = table.flag(notes, "wake").unwrap_or_default();
        manners.head_follows = table.flag(notes, "head_follows").unwrap_or_default();
        table.finish(notes);
    }
    if let Some(mut table) = section(notes, top, "cjt188", protocol, Protocol::Cjt188) {
        manners.no_serial = !table.flag(notes, "returns_serial").unwrap_or(true);
        table.finish(notes);
    }
    manners
}

/// The section, if it is there and goes with the protocol.
fn section<'a>(
    notes: &mut Notes,
    top: &mut Table<'a>,
    key: &'static str,
    protocol: Option<Protocol>,
    own: Protocol,
) -> Option<Table<'a>> {
    let table = top.table(notes, key, Need::May)?;
    if let Some(protocol) = protocol.filter(|protocol| *protocol != own) {
        notes.add(table.at, &table.path, "", What::NotHere { protocol: protocol.name() });
        return None;
    }
    Some(table)
}
