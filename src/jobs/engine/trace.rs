//! The live trace: pieces of traffic put together into frames, each with one line of what it means.

use crate::jobs::Wire;
use crate::jobs::views::WireView;
use crate::protocol::dlt645::explain::one_line;
use crate::protocol::dlt645::frame::Decoder;

/// Received bytes kept for a frame that does not end.
const MAX_PENDING: usize = 512;

/// Collects received bytes into frames.
#[derive(Default)]
pub(super) struct Trace {
    pending: Vec<u8>,
    since_ms: u64,
    decoder: Option<Decoder>,
}

impl Trace {
    /// Takes a piece of traffic; `show` gets whole messages.
    pub(super) fn see(&mut self, piece: Wire<'_>, show: &mut dyn FnMut(WireView)) {
        let at_ms = u64::try_from(piece.at.as_millis()).unwrap_or(u64::MAX);
        if !piece.received {
            self.flush(show);
            show(view(at_ms, false, piece.bytes.to_vec()));
            return;
        }
        if self.pending.is_empty() {
            self.since_ms = at_ms;
        }
        self.pending.extend_from_slice(piece.bytes);
        let decoder = self.decoder.get_or_insert_default();
        decoder.push(piece.bytes);
        let whole = std::iter::from_fn(|| decoder.find_next()).any(|found| found.frame.is_ok());
        if whole || self.pending.len() > MAX_PENDING {
            self.flush(show);
        }
    }

    /// Shows what is left, whole or not.
    pub(super) fn flush(&mut self, show: &mut dyn FnMut(WireView)) {
        self.decoder = None;
        if !self.pending.is_empty() {
            show(view(self.since_ms, true, std::mem::take(&mut self.pending)));
        }
    }
}

fn view(at_ms: u64, received: bool, bytes: Vec<u8>) -> WireView {
    WireView { at_ms, received, meaning: one_line(&bytes), bytes }
}
