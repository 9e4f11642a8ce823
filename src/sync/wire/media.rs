//! The exchange over a medium: a USB stick, a shared folder, anything that carries files.
//!
//! ```text
//! <dir>/meterkit/to-office/<device>-<epoch>-<first>-<last>.mkp   a letter: visit and one pack
//! <dir>/meterkit/to-device/<device>-<version>.mkr                a parcel: all that is new
//! ```
//!
//! Both are sealed to their reader (`meterkit_tokens::sealed`), so a finder reads nothing, and hold
//! what would be said online, signed as it is online: a letter is `[request, request]`, a visit and
//! at most one pack; a parcel is `[keys, answer, answer, ...]`, of which the first answer names all
//! others by hash. Any order, any number of times, by any courier: packs are pieces of one chain,
//! and of parcels the one with the higher status version replaces the other.

use super::fields::{self, Reader};
use super::{MAX_BODY, Position, WireError, join_list, split_within};
use crate::units::DeviceId;
use meterkit_tokens::cbor::Value;

/// The folder on the medium, and the two in it.
pub const FOLDER: &str = "meterkit";
/// What goes to the office.
pub const TO_OFFICE: &str = "to-office";
/// What goes to handhelds.
pub const TO_DEVICE: &str = "to-device";
/// Ending of letters.
pub const LETTER: &str = "mkp";
/// Ending of parcels.
pub const PARCEL: &str = "mkr";
/// What whoever finds the medium reads, in both languages.
pub const README: (&str, &str) = ("README.txt", include_str!("medium.txt"));

/// What letters are sealed as.
pub const UP: &str = "meterkit media letter 1";
/// What parcels are sealed as.
pub const DOWN: &str = "meterkit media parcel 1";

/// Largest letter: two requests and the seal.
pub const MAX_LETTER: usize = 2 * MAX_BODY;
/// Largest parcel: the area list of 100,000 meters is 16 MB.
pub const MAX_PARCEL: usize = 48 * 1024 * 1024;
/// Most answers in a parcel: as many area pages as an area may have, and room for the rest.
pub const MAX_PARTS: usize = 1600;
/// Most receipts in a parcel; the newest are the ones that matter.
pub const MAX_PARCEL_RECEIPTS: usize = 200;

/// A visit: HELLO and PULL in one, for an answer that may come days later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The journal's head.
    pub head: Position,
    /// Number of the newest receipt stored, 0 for none.
    pub receipt: u64,
    /// Version of the area list it holds, 0 for none.
    pub area: u64,
    /// Version of the root it holds.
    pub root: u64,
    /// The newest shift checkpoint, while the office may not have it.
    pub checkpoint: Option<Vec<u8>>,
    /// What a parcel of an office that was put back asked to be repeated ([`Contents::again`]).
    pub again: Option<[u8; 16]>,
}

impl Visit {
    pub(super) fn value(&self) -> Value {
        Value::map_of([
            (1, Some(self.head.value())),
            (2, Some(fields::seq(self.receipt))),
            (3, Some(fields::seq(self.area))),
            (4, Some(fields::seq(self.root))),
            (5, self.checkpoint.clone().map(Value::Bytes)),
            (6, self.again.map(|again| Value::Bytes(again.to_vec()))),
        ])
    }

    pub(super) fn read(r: &mut Reader) -> Result<Self, WireError> {
        let head = Position::read(r.map(1)?)?;
        let (receipt, area, root) = (r.u64(2)?, r.u64(3)?, r.u64(4)?);
        let checkpoint = r.opt_bytes(5)?;
        Ok(Self { head, receipt, area, root, checkpoint, again: r.opt_array(6)? })
    }
}

/// The first answer of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Version of the status in it: of two parcels the higher one counts.
    pub version: u64,
    /// The contiguous prefix of the journal the office holds.
    pub acked: Position,
    /// SHA-256 of each answer that follows, in order.
    pub parts: Vec<[u8; 32]>,
    /// The office was put back to an earlier time: everything behind `acked` is wanted again, in
    /// letters that repeat these random bytes, which shows that they were written since. Such a
    /// parcel has no parts.
    pub again: Option<[u8; 16]>,
}

impl Contents {
    pub(super) fn value(&self) -> Value {
        Value::map_of([
            (1, Some(fields::seq(self.version))),
            (2, Some(self.acked.value())),
            (3, Some(fields::array_list(&self.parts))),
            (4, self.again.map(|again| Value::Bytes(again.to_vec()))),
        ])
    }

    pub(super) fn read(r: &mut Reader) -> Result<Self, WireError> {
        let (version, acked) = (r.u64(1)?, Position::read(r.map(2)?)?);
        let parts = r.arrays(3, MAX_PARTS, "parts of a parcel")?;
        Ok(Self { version, acked, parts, again: r.opt_array(4)? })
    }
}

/// The requests of a letter, before it is sealed.
pub fn letter(requests: &[Vec<u8>]) -> Vec<u8> {
    join_list(requests)
}

/// Takes a letter apart: a visit, and a pack if there is one.
///
/// # Errors
/// [`WireError`]: it is none.
pub fn read_letter(bytes: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), WireError> {
    let mut requests = split_within(bytes, MAX_LETTER, 2, "requests")?.into_iter();
    let visit = requests.next().ok_or_else(|| fields::shape("an empty letter"))?;
    Ok((visit, requests.next()))
}

/// A parcel, before it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The version of the root the keys follow on.
    pub root: u64,
    /// Roots and keyset, which prove themselves ([`super::Keys`]).
    pub keys: Vec<u8>,
    /// The answer that is [`Contents`], or a refusal.
    pub head: Vec<u8>,
    /// The answers it names.
    pub parts: Vec<Vec<u8>>,
}

impl Parcel {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let front = [self.root.to_be_bytes().to_vec(), self.keys.clone(), self.head.clone()];
        join_list(&front.into_iter().chain(self.parts.iter().cloned()).collect::<Vec<_>>())
    }

    /// Takes one apart; nothing in it is checked yet.
    ///
    /// # Errors
    /// [`WireError`]: it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let parts = split_within(bytes, MAX_PARCEL, MAX_PARTS + 3, "parts of a parcel")?;
        let mut parts = parts.into_iter();
        let (Some(root), Some(keys), Some(head)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(fields::shape("a parcel without its front"));
        };
        let root = root.try_into().map_err(|_| fields::shape("root version"))?;
        Ok(Self { root: u64::from_be_bytes(root), keys, head, parts: parts.collect() })
    }
}

/// The name of a letter with the entries `first..=last`; with no entries, 0 and the head.
pub fn letter_name(device: &DeviceId, epoch: u32, first: u64, last: u64) -> String {
    format!("{device}-{epoch}-{first}-{last}.{LETTER}")
}

/// The entries a letter of this handheld and life carries, by its name. The content is what
/// counts; a name only helps to find one's own.
pub fn letter_of(name: &str, device: &DeviceId) -> Option<(u32, u64, u64)> {
    let name = name.strip_suffix(LETTER)?.strip_suffix('.')?;
    let mut numbers = name.strip_prefix(device.as_str())?.strip_prefix('-')?.split('-');
    let mut next = || numbers.next();
    let (epoch, first, last) = (next()?, next()?, next()?);
    if next().is_some() {
        return None;
    }
    Some((epoch.parse().ok()?, first.parse().ok()?, last.parse().ok()?))
}

/// The name of a parcel.
pub fn parcel_name(device: &DeviceId, version: u64) -> String {
    format!("{device}-{version}.{PARCEL}")
}

/// The version of a parcel for this handheld, by its name.
pub fn parcel_of(name: &str, device: &DeviceId) -> Option<u64> {
    let name = name.strip_suffix(PARCEL)?.strip_suffix('.')?;
    name.strip_prefix(device.as_str())?.strip_prefix('-')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_found_again_and_no_others() {
        let device: DeviceId = "hh-1".parse().unwrap();
        let name = letter_name(&device, 2, 51, 100);
        assert_eq!(name, "hh-1-2-51-100.mkp");
        assert_eq!(letter_of(&name, &device), Some((2, 51, 100)));
        assert_eq!(parcel_of(&parcel_name(&device, 77), &device), Some(77));
        // `hh` is another handheld, although `hh-1-2-3` begins like it.
        let short: DeviceId = "hh".parse().unwrap();
        for other in ["hh-1-2-51-100.mkp", "hh-1-77.mkr", "hh-x-1-2.mkp", "hh-1-2-3.mkp.tmp"] {
            assert_eq!(letter_of(other, &short), None, "{other}");
            assert_eq!(parcel_of(other, &short), None, "{other}");
        }
    }

    #[test]
    fn a_parcel_comes_apart_as_it_was_put_together() {
        let parts = vec![vec![1; 70_000], vec![2; 70_000], vec![]];
        let parcel = Parcel { root: 7, keys: vec![3], head: vec![4], parts };
        assert_eq!(Parcel::read(&parcel.encode()), Ok(parcel), "larger than any HTTP body");
        let letter = letter(&[vec![1], vec![2, 3]]);
        assert_eq!(read_letter(&letter), Ok((vec![1], Some(vec![2, 3]))));
        assert!(read_letter(&super::letter(&[])).is_err());
        assert!(read_letter(&super::letter(&[vec![], vec![], vec![]])).is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_read_never_worse(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let _ = Parcel::read(&bytes);
            let _ = read_letter(&bytes);
        }
    }
}
