//! PULL: what is new for one handheld.

use super::area::Area;
use super::fields::{self, Reader, map, shape};
use super::{
    MAX_BUNDLES, MAX_DECISIONS, MAX_GRANTS, MAX_OVERRIDES, MAX_ROOTS, MAX_ROUNDS, MAX_TOKENS,
    WireError,
};
use crate::units::{Credit, MeterNo, TokenId, UnixSeconds};
use meterkit_tokens::cbor::Value;

/// Most kinds of credit: one per unit.
const MAX_UNITS: usize = 2;

/// What the handheld has, so that only the rest is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Version of the area list it holds, 0 for none.
    pub area: u64,
    /// Version of the keyset it holds.
    pub keyset: u64,
    /// Version of the root it holds.
    pub root: u64,
    /// Tokens after this one; `None` from the start.
    pub after: Option<TokenId>,
}

impl Pull {
    pub(super) fn value(&self) -> Value {
        let after = self.after.map_or(vec![], |token| token.0.to_vec());
        map([
            (1, fields::seq(self.area)),
            (2, fields::seq(self.keyset)),
            (3, Value::Bytes(after)),
            (4, fields::seq(self.root)),
        ])
    }

    pub(super) fn read(r: &mut Reader) -> Result<Self, WireError> {
        let (area, keyset, after, root) = (r.u64(1)?, r.u64(2)?, r.bytes(3)?, r.u64(4)?);
        let after = match <[u8; 16]>::try_from(after) {
            Ok(id) => Some(TokenId(id)),
            Err(empty) if empty.is_empty() => None,
            Err(_) => return Err(shape("token id")),
        };
        Ok(Self { area, keyset, root, after })
    }
}

/// A token the office took back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawn {
    /// Which.
    pub token: TokenId,
    /// `true`: its money went back to the customer; `false`: it was replaced, or is not known to
    /// be unused.
    pub voided: bool,
    /// When the office recharged its meter itself, at the same step, or began to.
    pub recharged: Option<UnixSeconds>,
}

/// A disputed recharge the office settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Which token.
    pub token: TokenId,
    /// On which meter.
    pub meter: MeterNo,
    /// Whether the credit counts as booked in the meter.
    pub booked: bool,
    /// The receipt number the decision is filed under.
    pub number: u64,
}

/// The answer to PULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Token documents this handheld has not shown in its journal yet.
    pub tokens: Vec<Vec<u8>>,
    /// Whether more tokens wait behind the last one.
    pub more: bool,
    /// Tokens taken back.
    pub withdrawn: Vec<Withdrawn>,
    /// Disputes settled.
    pub settled: Vec<Settled>,
    /// The keyset document, when newer than the handheld's.
    pub keyset: Option<Vec<u8>>,
    /// The area's pages, when its version is not the handheld's.
    pub area: Option<Area>,
    /// What was issued to this handheld and is still out, one amount per unit.
    pub still_out: Vec<Credit>,
    /// Root files newer than the handheld's, each the successor of the one before it. They are
    /// taken before the keyset, which a key of the last of them may have signed.
    pub roots: Vec<Vec<u8>>,
    /// Operators' grants for this handheld which its journal has not shown yet.
    pub grants: Vec<Vec<u8>>,
    /// Supervisors' overrides for this handheld which its journal has not shown yet.
    pub overrides: Vec<Vec<u8>>,
    /// Bundles of parameters for this handheld which its journal has not shown yet; their files are
    /// asked for by their hashes.
    pub bundles: Vec<Vec<u8>>,
    /// Rounds for this handheld which its journal has not shown yet: SHA-256 of their signed
    /// documents, which are asked for as files.
    pub rounds: Vec<[u8; 32]>,
}

impl Pulled {
    pub(super) fn value(&self) -> Value {
        let withdrawn = self.withdrawn.iter().map(|one| {
            Value::map_of([
                (1, Some(Value::Bytes(one.token.0.to_vec()))),
                (2, Some(Value::Bool(one.voided))),
                (3, one.recharged.map(|at| Value::Int(at.0))),
            ])
        });
        let settled = self.settled.iter().map(|one| {
            map([
                (1, Value::Bytes(one.token.0.to_vec())),
                (2, Value::Bytes(one.meter.bcd().to_vec())),
                (3, Value::Bool(one.booked)),
                (4, fields::seq(one.number)),
            ])
        });
        let mut entries = vec![
            (1, fields::byte_list(&self.tokens)),
            (2, Value::Bool(self.more)),
            (3, Value::Array(withdrawn.collect())),
            (4, Value::Array(settled.collect())),
            (7, Value::Array(self.still_out.iter().map(|c| fields::credit(*c)).collect())),
            (8, fields::byte_list(&self.roots)),
            (9, fields::byte_list(&self.grants)),
            (10, fields::byte_list(&self.overrides)),
        ];
        // Left out where there are none: an older handheld reads it.
        if !self.bundles.is_empty() {
            entries.push((11, fields::byte_list(&self.bundles)));
        }
        if !self.rounds.is_empty() {
            entries.push((12, fields::array_list(&self.rounds)));
        }
        entries.extend(self.keyset.iter().map(|bytes| (5, Value::Bytes(bytes.clone()))));
        entries.extend(self.area.iter().map(|area| (6, area.value())));
        Value::Map(entries)
    }

    pub(super) fn read(r: &mut Reader) -> Result<Self, WireError> {
        let tokens = r.byte_strings(1, MAX_TOKENS, "tokens")?;
        let more = r.bool(2)?;
        let withdrawn = r.list(3, MAX_DECISIONS, "withdrawals")?.into_iter().map(|value| {
            let mut r = Reader::of(value)?;
            let (token, voided) = (r.token(1)?, r.bool(2)?);
            let recharged = r.opt_int(3)?.map(UnixSeconds);
            let one = Withdrawn { token, voided, recharged };
            r.finish().map(|()| one)
        });
        let withdrawn = withdrawn.collect::<Result<_, _>>()?;
        let settled = r.list(4, MAX_DECISIONS, "settlements")?.into_iter().map(|value| {
            let mut r = Reader::of(value)?;
            let (token, meter) = (r.token(1)?, r.meter(2)?);
            let one = Settled { token, meter, booked: r.bool(3)?, number: r.u64(4)? };
            r.finish().map(|()| one)
        });
        let settled = settled.collect::<Result<_, _>>()?;
        let keyset = r.opt_bytes(5)?;
        let area = r.opt_map(6)?.map(Area::read).transpose()?;
        let still_out = r.list(7, MAX_UNITS, "units")?.into_iter().map(fields::read_credit);
        let still_out = still_out.collect::<Result<_, _>>()?;
        let roots = r.byte_strings(8, MAX_ROOTS, "roots")?;
        let grants = r.byte_strings(9, MAX_GRANTS, "grants")?;
        let overrides = r.byte_strings(10, MAX_OVERRIDES, "overrides")?;
        let bundles = r.opt_byte_strings(11, MAX_BUNDLES, "bundles")?;
        let rounds = r.opt_arrays(12, MAX_ROUNDS, "rounds")?;
        Ok(Self {
            tokens,
            more,
            withdrawn,
            settled,
            keyset,
            area,
            still_out,
            roots,
            grants,
            overrides,
            bundles,
            rounds,
        })
    }
}
