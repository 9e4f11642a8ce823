//! Signed documents of meterkit: what the office signs, what a handheld checks and signs itself.
//!
//! Every document is one tagged `COSE_Sign1` over deterministic CBOR with an Ed25519 signature. The
//! format, the reasons and the limits are in `docs/token-format.md`; the golden bytes are in
//! `fixtures/tokens/`.
//!
//! | module | what |
//! |---|---|
//! | [`canonical`] | the scan that accepts exactly one byte string for each value |
//! | [`cbor`] | our value type; the only module that names `serde_cbor` |
//! | [`cipher`] | the cipher of everything at rest, store and key files |
//! | [`claims`] | document types, media types, claim labels, limits |
//! | [`keys`] | public keys, key ids, keyrings |
//! | [`cose`] | the envelope: open and seal |
//! | [`root`] | the root, signed by several keys; the chain from a pinned hash to the office keys |
//! | [`keyset`] | the list of office keys, signed by a keyset key |
//! | [`status`] | versions, acknowledged journal and limits of one handheld, for three days |
//! | [`recharge`] | the recharge token |
//! | [`grant`] | what one person may do with one handheld |
//! | [`bundle`] | which set of parameters may be written, to which meters |
//! | [`over`] | a supervisor's leave for one act |
//! | [`swap`] | leave to swap a meter and carry its balance over |
//! | [`caps`] | limits in two steps |
//! | [`device`] | a handheld's own key, which can sign no money |
//! | `issue` | the office's signing keys (feature `issue`) |
//! | [`base45`] | the text form for QR codes |
//! | [`sealed`] | bytes sealed to one key, for media anybody may find |
//! | [`error`] | every reason for a refusal |
//!
//! Nothing here reads a clock, a file or a random source: times, bytes and seeds are arguments.

pub mod base45;
pub mod bundle;
pub mod canonical;
pub mod caps;
pub mod cbor;
pub mod cipher;
pub mod claims;
pub mod cose;
pub mod device;
pub mod error;
pub mod grant;
#[cfg(feature = "issue")]
pub mod issue;
pub mod keys;
pub mod keyset;
pub mod over;
pub mod recharge;
pub mod root;
pub mod sealed;
pub mod status;
pub mod swap;

pub use base45::{from_qr_text, join_parts, qr_part, qr_parts, qr_text};
pub use bundle::BundleToken;
pub use caps::Caps;
pub use cipher::Cipher;
pub use claims::{DocType, Signer};
pub use cose::{Verified, document_type, verify};
pub use device::{DeviceDoc, DeviceKey};
pub use error::{CborError, KeyError, QrError, RootError, Shape, TokenError};
pub use grant::{Grant, activation};
#[cfg(feature = "issue")]
pub use issue::Issuer;
pub use keys::{KeyId, KeyRecord, Keyring, PublicKey};
pub use keyset::Keyset;
pub use over::Override;
pub use recharge::{Kind, RechargeToken, Unit};
pub use root::{Authority, Root};
pub use sealed::SealError;
pub use status::Status;
pub use swap::SwapToken;
