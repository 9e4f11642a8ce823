//! Tokens and other documents of the office: taking them in, and listing tokens.
//!
//! A document comes as a file of bytes, a file of several, or `MK1:` text from a QR code; its type
//! is in it. Each is verified strictly before it is stored; importing one twice does nothing.
//! Tokens of one import are verified first and stored together: the disk is waited for once for
//! many.

use std::path::Path;

use meterkit_tokens::{DocType, RechargeToken, document_type, from_qr_text, join_parts, qr_part};

use super::documents::{take_override, take_receipt, take_status, take_swap};
use super::failure::{self, fail};
use super::recharge::CREDITS;
use super::trust::{self, Trust};
use super::views::{Failure, TokenStateView, TokenView};
use super::{Moment, Session, bundle, meters};
use crate::report::Code;
use crate::store::{self, Stamp, Store, StoreError, TokenFacts, TokenRow, TokenState};
use crate::sync::rounds;
use crate::units::{Act, MeterNo, TokenId, UnixSeconds, Verb};

/// Largest file that is read: 10,000 tokens as text.
pub const MAX_FILE: u64 = 8 * 1024 * 1024;
/// Most tokens taken from one file.
pub const MAX_TOKENS: usize = 10_000;

/// The start of a token as text, whole or in parts.
const TEXT: &str = "MK1";

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Newly taken in.
    pub taken: Vec<TokenId>,
    /// Already there.
    pub known: Vec<TokenId>,
    /// Not accepted, and why; one for each.
    pub refused: Vec<Failure>,
}

/// Imports `MK1:` text or, when it is none, the file of that name.
///
/// # Errors
/// Those of the operator's rights; [`Code::File`] when the file cannot be read.
pub fn import(
    store: &Store,
    session: &Session,
    stamp: &Stamp,
    source: &str,
) -> Result<Imported, Failure> {
    session.may(store, Verb::Import, Moment::when(stamp))?;
    let source = source.trim();
    if source.starts_with(TEXT) {
        return Ok(import_bytes(store, stamp, source.as_bytes()));
    }
    let path = Path::new(source);
    let unread = |error: std::io::Error| fail(Code::File, format!("{source}: {error}"));
    let size = std::fs::metadata(path).map_err(unread)?.len();
    if size > MAX_FILE {
        return Err(fail(Code::File, format!("{source}: {size} > {MAX_FILE} bytes")));
    }
    let contents = std::fs::read(path).map_err(unread)?;
    // A bundle is two files: the parameters lie beside it.
    if document_type(&contents) == Ok(DocType::Bundle) {
        let (id, new) = bundle::take(store, session, stamp, path, None)?;
        let mut done = Imported::default();
        if new { &mut done.taken } else { &mut done.known }.push(id);
        return Ok(done);
    }
    Ok(import_bytes(store, stamp, &contents))
}

/// Imports the contents of a file: one document as bytes, or `MK1:` text, one a line.
pub fn import_bytes(store: &Store, stamp: &Stamp, contents: &[u8]) -> Imported {
    let mut done = Imported::default();
    let trust = trust::read(store);
    let mut tokens = Vec::new();
    for document in split(contents) {
        let read = document.and_then(|bytes| match document_type(&bytes) {
            Ok(DocType::Override) => Some(take_override(store, stamp, &trust, bytes)).transpose(),
            Ok(DocType::Swap) => Some(take_swap(store, stamp, &trust, bytes)).transpose(),
            Ok(DocType::Round) => rounds::take(store, &trust.keys, stamp, &bytes)
                .map(Some)
                .map_err(|fault| failure::round(&fault)),
            Ok(DocType::Status) => take_status(store, stamp, &trust, &bytes).map(|()| None),
            Ok(DocType::Receipt) => take_receipt(store, stamp, &bytes).map(|()| None),
            // Anything else has to be a token, and says so if it is none.
            _ => {
                tokens.push((verified(stamp, &trust, &bytes)?, bytes));
                Ok(None)
            }
        });
        match read {
            Ok(Some((id, true))) => done.taken.push(id),
            Ok(Some((id, false))) => done.known.push(id),
            Ok(None) => {}
            Err(failure) => done.refused.push(failure),
        }
    }
    let ids: Vec<TokenId> = tokens.iter().map(|(facts, _)| facts.id).collect();
    for (id, stored) in ids.into_iter().zip(store.import_all(stamp, tokens)) {
        match stored {
            Ok(store::Imported::New(_)) => done.taken.push(id),
            Ok(store::Imported::Known(_)) | Err(StoreError::Known(_)) => done.known.push(id),
            Err(error) => done.refused.push(failure::store(&error)),
        }
    }
    done
}

/// Which part of how many a scanned text is; `None` for a whole one, or for none at all.
pub fn part(text: &str) -> Option<(usize, usize)> {
    qr_part(text).map(|(at, of, _)| (at, of))
}

/// Takes a file apart.
fn split(contents: &[u8]) -> Vec<Result<Vec<u8>, Failure>> {
    let text = std::str::from_utf8(contents).ok();
    let lines = || text.into_iter().flat_map(str::lines).map(str::trim).filter(|l| !l.is_empty());
    if !lines().next().is_some_and(|line| line.starts_with(TEXT)) {
        return vec![Ok(contents.to_vec())];
    }
    let read = |text: &str| from_qr_text(text).map_err(|error| failure::token(&error.into()));
    let whole = lines().take(MAX_TOKENS).filter(|line| qr_part(line).is_none());
    let mut tokens: Vec<_> = whole.map(read).collect();
    // The parts of one text, as a scanner types them one after the other.
    let parts = || lines().take(MAX_TOKENS).filter(|line| qr_part(line).is_some());
    if parts().next().is_some() {
        let joined = join_parts(parts()).map_err(|error| failure::token(&error.into()));
        tokens.push(joined.and_then(|text| read(&text)));
    }
    let over = lines().skip(MAX_TOKENS).count();
    if over > 0 {
        tokens.push(Err(fail(Code::File, format!("{over} > {MAX_TOKENS}"))));
    }
    tokens
}

/// Verifies a token.
fn verified(stamp: &Stamp, trust: &Trust, bytes: &[u8]) -> Result<TokenFacts, Failure> {
    let token = RechargeToken::verify(bytes, &trust.tenant, &trust.keys)
        .map_err(|error| failure::token(&error))?;
    let facts = facts(&token)?;
    let detail = |failure: Failure| Failure {
        detail: format!("{}: {}", facts.id, failure.detail),
        ..failure
    };
    if token.device != trust.device.as_str() {
        return Err(detail(fail(Code::TokenDevice, token.device)));
    }
    // An expired token is of no use here; one that is not valid yet will be.
    if stamp.at.0 >= token.expires {
        return Err(detail(fail(Code::TokenExpired, token.expires.to_string())));
    }
    if trust.status.as_ref().is_some_and(|status| status.revoked.contains(&token.id)) {
        return Err(detail(fail(Code::TokenRevoked, "")));
    }
    Ok(facts)
}

/// What the store keeps of a token.
///
/// # Errors
/// [`Code::TokenMalformed`].
pub fn facts(token: &RechargeToken) -> Result<TokenFacts, Failure> {
    TokenFacts::of(token).ok_or_else(|| fail(Code::TokenMalformed, "meter or account"))
}

/// A page of tokens, and whether there are more.
pub fn list(
    store: &Store,
    now: UnixSeconds,
    after: Option<TokenId>,
    limit: usize,
) -> (Vec<TokenView>, bool) {
    let mut rows = store.tokens(after, limit.saturating_add(1));
    let more = rows.len() > limit;
    rows.truncate(limit);
    let own_line = |meter| store.meter(meter).is_some_and(|row| meters::own_line(&row.place));
    let token =
        |row: &TokenRow| TokenView { own_line: own_line(row.facts.meter), ..view(row, now) };
    (rows.iter().map(token).collect(), more)
}

/// A token for a list.
pub fn view(row: &TokenRow, now: UnixSeconds) -> TokenView {
    let facts = &row.facts;
    let state = match row.state {
        TokenState::Intent => TokenStateView::Open,
        TokenState::Accepted => TokenStateView::Accepted,
        TokenState::Raced => TokenStateView::Raced,
        TokenState::Disputed => TokenStateView::Disputed,
        TokenState::Withdrawn => TokenStateView::Withdrawn,
        TokenState::Cached | TokenState::NotApplied if row.withdrawn => TokenStateView::Withdrawn,
        TokenState::Cached | TokenState::NotApplied if now >= facts.expires => {
            TokenStateView::Expired
        }
        TokenState::Cached | TokenState::NotApplied if now < facts.not_before => {
            TokenStateView::NotYet
        }
        TokenState::Cached | TokenState::NotApplied => TokenStateView::Ready,
    };
    TokenView {
        id: facts.id,
        meter: facts.meter,
        act: facts.act,
        credit: facts.credit,
        count_before: facts.count_before,
        expires: facts.expires,
        state,
        own_line: false,
    }
}

/// The recharge that a reversal's token names; none for any other token.
pub fn undoes(store: &Store, row: &TokenRow) -> Option<TokenId> {
    if row.facts.act != Act::Reversal {
        return None;
    }
    let trust = trust::read(store);
    let token = RechargeToken::verify(&row.bytes, &trust.tenant, &trust.keys).ok()?;
    token.undoes.map(TokenId)
}

/// The one token to recharge a meter with now: the usable one with the lowest step.
///
/// # Errors
/// [`Code::TokenUnknown`] for none, [`Code::TokenAmbiguous`] for several with the same step.
pub fn choose(store: &Store, meter: MeterNo, now: UnixSeconds) -> Result<TokenId, Failure> {
    let rows = store.tokens_for(meter);
    let ready = |row: &&TokenRow| {
        view(row, now).state == TokenStateView::Ready && CREDITS.contains(&row.facts.act)
    };
    let mut ready: Vec<&TokenRow> = rows.iter().filter(ready).collect();
    ready.sort_by_key(|row| row.facts.count_before);
    match ready.as_slice() {
        [] => Err(fail(Code::TokenUnknown, meter.to_string())),
        [one, two, ..] if one.facts.count_before == two.facts.count_before => {
            Err(fail(Code::TokenAmbiguous, format!("{} / {}", one.facts.id, two.facts.id)))
        }
        [one, ..] => Ok(one.facts.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_token_or_lines_of_text() {
        let bytes = [0xD2u8, 0x84, 1, 2, 3];
        let text = RechargeToken::qr_text(&bytes);
        assert_eq!(split(&bytes), [Ok(bytes.to_vec())]);
        let lines = format!("\n{text}\r\n\n  {text}\nMK1:*\n");
        let parts = split(lines.as_bytes());
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[..2], [Ok(bytes.to_vec()), Ok(bytes.to_vec())]);
        assert_eq!(parts[2].as_ref().unwrap_err().code, Code::TokenMalformed);
    }
    proptest::proptest! {
        #[test]
        fn any_bytes_come_apart(contents: Vec<u8>) {
            let parts = split(&contents);
            proptest::prop_assert!(!parts.is_empty());
        }

        #[test]
        fn any_text_comes_apart(text in "(MK1:[0-9A-Z $%*+./:-]{0,40}\\s?){0,5}") {
            let whole = text.lines().filter(|line| !line.trim().is_empty()).count();
            proptest::prop_assert_eq!(split(text.as_bytes()).len(), whole.max(1));
        }
    }
}
