//! Names, versions and limits of everything the store writes. `docs/store-format.md` is its prose.

/// Version of the journal's segments and record bodies.
pub const JOURNAL_FORMAT: u32 = 2;
/// Version of the index's rows. Another number means: delete the index and build it again.
pub const INDEX_FORMAT: u32 = 3;
/// Version of the identity file.
pub const IDENTITY_FORMAT: i64 = 2;
/// Version of the area pages and of their manifest.
pub const AREA_FORMAT: i64 = 2;
/// Version of the wrapping of small files.
pub const FILE_FORMAT: u32 = 1;

/// How often one recharge's frame may be sent, the first time included.
pub const MAX_SENDS: u32 = 3;
/// Longest operator name in a stamp, bytes.
pub const MAX_OPERATOR: usize = 64;
/// Longest record body, bytes. Keeps any record inside one pack (64 KiB).
pub const MAX_BODY: usize = 48 * 1024;
/// Most records in one frame, which is written and forced to disk at once.
pub const MAX_GROUP: usize = 256;
/// Most bytes of records in one frame.
pub const MAX_GROUP_BYTES: usize = 128 * 1024;
/// Longest signed token, bytes.
pub const MAX_TOKEN: usize = 4 * 1024;
/// Longest signed grant, bytes: it may name many meters.
pub const MAX_GRANT: usize = 16 * 1024;
/// Most identities in one entry of revocations.
pub const MAX_REVOKED: usize = 512;
/// Longest short text in an event (a code, a tenant, an address of an office), bytes.
pub const MAX_TEXT: usize = 512;
/// Longest name of a step of an errand, bytes.
pub const MAX_STEP: usize = 64;
/// Most bytes of notes at one step, names and values together.
pub const MAX_NOTES: usize = 8 * 1024;
/// Most data items in one reading.
pub const MAX_READING_ITEMS: usize = 512;
/// Largest snapshot, bytes.
pub const MAX_SNAPSHOT: usize = 16 * 1024 * 1024;
/// Longest customer, location or profile text of a meter, bytes.
pub const MAX_METER_TEXT: usize = 256;
/// Most meters in one area page.
pub const MAX_PAGE_METERS: usize = 4_096;
/// Most pages in one area.
pub const MAX_PAGES: usize = 4_096;
/// Most rows one query gives.
pub const MAX_ROWS: usize = 10_000;
/// Largest value given to the index, bytes (sled keeps larger ones in files it never syncs).
pub const MAX_INDEX_VALUE: usize = 64 * 1024;
/// An index further behind than this many entries is built anew instead of being brought up.
pub const STALE_LIMIT: u64 = 5_000;

/// Size of a journal segment, bytes.
pub const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
/// End of a segment that only a `TailCut` may use, so that a torn tail can always be journaled.
pub const TAIL_RESERVE: u64 = 512;
/// Space kept free for the outcome of every open intent, bytes.
pub const OUTCOME_RESERVE: u64 = 1024;
