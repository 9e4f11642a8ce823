//! How a model's relay is worked and its parameters are written, where makers differ from the
//! standard: `[relay]` and `[parameters]` of a profile.

use super::Protocol;
use super::fault::What;
use super::raw::{Need, Notes, Table};

/// What 1CH carries besides the command (DL/T 645-2007; `reference/dlt645.md` 5 and 6.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayRules {
    /// PA of the command; `None`: that of parameters.
    pub level: Option<u8>,
    /// N2 of commands that need none themselves: which relay, with some makers.
    pub channel: u8,
    /// Why no command is sent: what no document says.
    pub refused: Option<String>,
}

/// Why no parameter is written to a model: its maker keeps them where no document says how to write
/// them. Reads `[parameters]`; `None`: 14H with the standard's identifiers.
pub(super) fn parameters(
    notes: &mut Notes,
    top: &mut Table<'_>,
    protocol: Option<Protocol>,
) -> Option<String> {
    let mut table = top.table(notes, "parameters", Need::May)?;
    if let Some(protocol) = protocol.filter(|protocol| *protocol != Protocol::Dlt645_2007) {
        notes.add(table.at, &table.path, "", What::NotHere { protocol: protocol.name() });
        return None;
    }
    let refused = table.text(notes, "refused", Need::Must, "what no document says", |text| {
        (!text.trim().is_empty()).then(|| text.to_owned())
    });
    table.finish(notes);
    refused
}

/// Reads the section.
pub(super) fn read(
    notes: &mut Notes,
    top: &mut Table<'_>,
    protocol: Option<Protocol>,
) -> RelayRules {
    let Some(mut table) = top.table(notes, "relay", Need::May) else {
        return RelayRules::default();
    };
    if let Some(protocol) = protocol.filter(|protocol| *protocol != Protocol::Dlt645_2007) {
        notes.add(table.at, &table.path, "", What::NotHere { protocol: protocol.name() });
        return RelayRules::default();
    }
    let level = table.number(notes, "level", Need::May, 0..=9, "");
    let channel: Option<u8> = table.number(notes, "channel", Need::May, 0..=255, "");
    let refused = table.text(notes, "refused", Need::May, "what no document says", |text| {
        (!text.trim().is_empty()).then(|| text.to_owned())
    });
    table.finish(notes);
    RelayRules { level, channel: channel.unwrap_or_default(), refused }
}
