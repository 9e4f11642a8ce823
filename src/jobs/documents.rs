//! Documents of the office that come by file or QR code and are no tokens: overrides, leaves for
//! swaps, receipts, and the status, for handhelds that see no network for long. Verified as an
//! exchange does it.

use meterkit_tokens::{DeviceKey, Override, Status, SwapToken};

use super::failure::{self, fail};
use super::trust::Trust;
use super::views::Failure;
use crate::report::Code;
use crate::store::event::DocKind;
use crate::store::{Event, Position, Stamp, Store, StoreError, SwapFacts};
use crate::sync::client;
use crate::units::{MeterNo, OperatorId, TokenId, UnixSeconds};

/// Verifies and stores an override; `true` when it is new.
pub(super) fn take_override(
    store: &Store,
    stamp: &Stamp,
    trust: &Trust,
    bytes: Vec<u8>,
) -> Result<(TokenId, bool), Failure> {
    let held = Override::verify(&bytes, &trust.tenant, &trust.keys)
        .map_err(|error| failure::token(&error))?;
    let id = TokenId(held.id);
    if held.device != trust.device.as_str() {
        return Err(fail(Code::TokenDevice, format!("{id}: {}", held.device)));
    }
    if stamp.at.0 >= held.expires {
        return Err(fail(Code::TokenExpired, format!("{id}: {}", held.expires)));
    }
    let operator = held.operator.parse::<OperatorId>();
    let (Ok(operator), Some(meter)) = (operator, MeterNo::from_bcd(held.meter)) else {
        return Err(fail(Code::TokenMalformed, id.to_string()));
    };
    let expires = UnixSeconds(held.expires);
    let event = Event::OverrideTaken { id, operator, meter, expires, bytes };
    match store.append(stamp, event) {
        Ok(_) => Ok((id, true)),
        Err(StoreError::Known(_)) => Ok((id, false)),
        Err(error) => Err(failure::store(&error)),
    }
}

/// Verifies and stores the leave for a swap; `true` when it is new.
pub(super) fn take_swap(
    store: &Store,
    stamp: &Stamp,
    trust: &Trust,
    bytes: Vec<u8>,
) -> Result<(TokenId, bool), Failure> {
    let leave = SwapToken::verify(&bytes, &trust.tenant, &trust.keys)
        .map_err(|error| failure::token(&error))?;
    let id = TokenId(leave.id);
    if leave.device != trust.device.as_str() {
        return Err(fail(Code::TokenDevice, format!("{id}: {}", leave.device)));
    }
    if stamp.at.0 >= leave.expires {
        return Err(fail(Code::TokenExpired, format!("{id}: {}", leave.expires)));
    }
    let swap = SwapFacts::of(&leave).ok_or_else(|| fail(Code::TokenMalformed, id.to_string()))?;
    match store.append(stamp, Event::SwapTaken { swap, bytes }) {
        Ok(_) => Ok((id, true)),
        Err(StoreError::Known(_)) => Ok((id, false)),
        Err(error) => Err(failure::store(&error)),
    }
}

/// Verifies and records a receipt: how far the office holds the journal.
pub(super) fn take_receipt(store: &Store, stamp: &Stamp, bytes: &[u8]) -> Result<(), Failure> {
    let key = DeviceKey::generate(store.identity().device_seed);
    let taken = client::take_receipt(store, &key, &|| stamp.clone(), bytes);
    taken.map(|_| ()).map_err(|error| failure::sync(&error))
}

/// Verifies and takes in a status. What it revokes goes first: a cut in between leaves too little
/// that may be done, not too much.
pub(super) fn take_status(
    store: &Store,
    stamp: &Stamp,
    trust: &Trust,
    bytes: &[u8],
) -> Result<(), Failure> {
    let device = trust.device.as_str();
    let status = Status::verify(bytes, &trust.tenant, device, &trust.keys)
        .and_then(|status| status.check_now(stamp.at.0).map(|()| status))
        .map_err(|error| failure::token(&error))?;
    if status.root < trust.root.version || status.keyset < trust.keyset.version {
        let detail = format!("root v{}, keyset v{}", status.root, status.keyset);
        return Err(fail(Code::DocumentBack, detail));
    }
    extends(store, &status)?;
    let ids: Vec<TokenId> = status.revoked.iter().copied().map(TokenId).collect();
    store
        .revoke(stamp, status.version, &ids)
        .and_then(|_| store.take_document(stamp, DocKind::Status, status.version, bytes))
        .map_err(|error| failure::store(&error))
}

/// What the status says the office holds of our journal must be our journal. Where it holds more
/// than there is, this is an old copy, and money stops for good.
fn extends(store: &Store, status: &Status) -> Result<(), Failure> {
    let head = store.summary().head;
    let (epoch, seq, hash) = (status.epoch, status.acked_seq, status.acked_hash);
    if epoch != head.epoch {
        return Err(fail(Code::OfficeLies, format!("epoch {epoch} / {}", head.epoch)));
    }
    if seq > head.seq {
        store
            .rolled_back(head.seq, Position { epoch, seq, hash })
            .map_err(|error| failure::store(&error))?;
        return Err(fail(Code::JournalRolledBack, format!("{} / {seq}", head.seq)));
    }
    let ours = store.raw_events(seq, 1).first().map(|record| record.hash);
    if seq > 0 && ours != Some(hash) {
        return Err(fail(Code::OfficeLies, format!("entry {seq}")));
    }
    Ok(())
}
