//! Where each question is asked.

/// First contact of a new handheld.
pub const ENROL: &str = "/v1/enrol";
/// Where do we stand?
pub const HELLO: &str = "/v1/hello";
/// Here are journal entries.
pub const PACK: &str = "/v1/pack";
/// What is new for me?
pub const PULL: &str = "/v1/pull";
/// Unsigned: roots and keyset, which prove themselves.
pub const KEYS: &str = "/v1/keys";
/// Done; these receipts are stored.
pub const BYE: &str = "/v1/bye";
/// Over a medium, never over HTTP: a visit.
pub const MEDIA: &str = "media";
/// Unsigned: the server is up.
pub const HEALTH: &str = "/v1/health";
