//! Building the index again: from the first record of the journal and from the snapshots.
//!
//! Slow on purpose where it must be sure: every record is checked on the way. Nothing is taken over
//! from the index that failed.

use super::area;
use super::chain::Chain;
use super::disk::Disk;
use super::error::{Damage, Why};
use super::event::Position;
use super::index::{Index, seal, state_key};
use super::kv::{Batch, IndexError, MemoryKv, SledKv, Span};
use super::open::{INDEX, IndexKind, JOURNAL, Options};
use super::project::{Written, project};
use super::records::decode_body;
use super::segment::{FRAME, HEADER};
use super::state::State;
use super::walk::{Next, Step, Walker};
use std::ops::Bound;
use std::path::Path;

/// What is known of the journal's end.
pub(super) struct Found {
    /// The last entry.
    pub head: Position,
    /// Where the next record goes.
    pub offset: u64,
    /// Bytes a torn record left behind.
    pub torn: Option<u64>,
}

/// Why an entry could not be applied.
pub(super) enum Apply {
    /// The index failed.
    Index(IndexError),
    /// The entry cannot be read.
    Record(String),
}

/// Damage at an entry.
pub(super) fn damage(chain: &Chain, step: &Step, what: String) -> Damage {
    let segment = chain.find(step.at.seq).and_then(|i| chain.segment(i));
    Damage {
        file: segment.map_or_else(|| JOURNAL.to_owned(), |s| s.name.clone()),
        offset: step.offset,
        after_seq: step.at.seq - 1,
        what,
    }
}

fn project_step(index: &Index, state: &State, step: &Step) -> Result<(Batch, State), Apply> {
    let body = decode_body(&step.body).map_err(|e| Apply::Record(e.to_string()))?;
    if body.seq != step.at.seq {
        return Err(Apply::Record(format!("entry {} says it is {}", step.at.seq, body.seq)));
    }
    let end = step.offset + step.body.len() as u64 + FRAME;
    let written = Written { at: step.at, offset: step.offset, end };
    project(index, state, written, &body.stamp, &body.event).map_err(Apply::Index)
}

/// Applies an entry to the index.
pub(super) fn apply(index: &Index, state: &State, step: &Step) -> Result<State, Apply> {
    let (batch, next) = project_step(index, state, step)?;
    index.commit(&batch).map_err(Apply::Index)?;
    Ok(next)
}

/// The state before the first entry.
pub(super) fn empty(chain: &Chain) -> State {
    let genesis = Position { epoch: chain.life.epoch, seq: 0, hash: chain.life.genesis() };
    State::empty(chain.life.id, genesis, HEADER)
}

/// A journal of which nothing could be read.
pub(super) fn nothing(chain: &Chain) -> Found {
    Found { head: empty(chain).head, offset: HEADER, torn: None }
}

/// Reads the journal up to entry `until` into an empty index, and the area list too. What comes
/// before damage is read; the damage is in the error of [`rebuild`] only.
pub(super) fn build(
    index: &Index,
    chain: &Chain,
    dir: &Path,
    options: &Options,
    until: u64,
) -> Result<(State, Found), IndexError> {
    let mut state = empty(chain);
    let mut found = nothing(chain);
    let mut walker = Walker::from_start(chain, true);
    while found.head.seq < until {
        match walker.step() {
            Ok(Next::Record(step)) => match apply(index, &state, &step) {
                Ok(next) => {
                    state = next;
                    found.head = step.at;
                    found.offset = state.offset;
                }
                Err(Apply::Index(e)) => return Err(e),
                Err(Apply::Record(_)) => break,
            },
            Ok(Next::End(offset)) => {
                found.offset = offset;
                break;
            }
            Ok(Next::Torn(offset, bytes)) => {
                found.offset = offset;
                found.torn = Some(bytes);
                break;
            }
            Err(_) => break,
        }
    }
    apply_area(index, &mut state, dir, options)?;
    Ok((state, found))
}

/// Checks the whole journal up to entry `until`, every byte of it.
pub(super) fn check_chain(chain: &Chain, until: u64) -> Result<Position, Damage> {
    let mut walker = Walker::from_start(chain, until == u64::MAX);
    while walker.head().seq < until {
        match walker.step()? {
            Next::Record(_) => {}
            Next::End(_) | Next::Torn(..) if until == u64::MAX => break,
            Next::End(offset) | Next::Torn(offset, _) => {
                return Err(Damage {
                    file: chain.last().map_or_else(String::new, |s| s.name.clone()),
                    offset,
                    after_seq: walker.head().seq,
                    what: format!("the journal ends before entry {until}"),
                });
            }
        }
    }
    Ok(walker.head())
}

/// Builds the index anew: in memory first, then in one stream into the engine, the state last, so
/// that an interrupted build is seen as no index at all.
pub(super) fn rebuild(
    chain: &Chain,
    dir: &Path,
    options: &Options,
    until: u64,
) -> Result<(Index, State, Found, Option<Why>), Damage> {
    let (staged, mut state, found) = stage(chain, until)?;
    if options.index == IndexKind::Memory {
        // Memory cannot fail.
        let _ = apply_area(&staged, &mut state, dir, options);
        return Ok((staged, state, found, None));
    }
    let path = dir.join(INDEX);
    let _ = std::fs::remove_dir_all(&path);
    let copied = SledKv::open(&path).and_then(|kv| {
        let index = Index::new(Box::new(kv));
        copy(&staged, &index).map(|()| index)
    });
    // The area list comes next, and is as large again.
    drop(staged);
    let finished =
        copied.and_then(|index| apply_area(&index, &mut state, dir, options).map(|()| index));
    match finished {
        Ok(index) => Ok((index, state, found, None)),
        Err(e) => {
            // Half an index must not be found by the next opening.
            let _ = std::fs::remove_dir_all(&path);
            let (staged, mut state, found) = stage(chain, until)?;
            let _ = apply_area(&staged, &mut state, dir, options);
            Ok((staged, state, found, Some(Why::NoIndex(e.0))))
        }
    }
}

/// The journal up to entry `until` as an index in memory.
fn stage(chain: &Chain, until: u64) -> Result<(Index, State, Found), Damage> {
    let index = Index::new(Box::new(MemoryKv::default()));
    let (state, found) = build_journal_only(&index, chain, until)?;
    Ok((index, state, found))
}

fn build_journal_only(index: &Index, chain: &Chain, until: u64) -> Result<(State, Found), Damage> {
    let mut state = empty(chain);
    let mut found = nothing(chain);
    let mut walker = Walker::from_start(chain, until == u64::MAX);
    while found.head.seq < until {
        match walker.step()? {
            Next::Record(step) => {
                state = apply(index, &state, &step).map_err(|e| match e {
                    Apply::Record(what) | Apply::Index(IndexError(what)) => {
                        damage(chain, &step, what)
                    }
                })?;
                found = Found { head: step.at, offset: state.offset, torn: None };
            }
            Next::End(offset) => {
                found.offset = offset;
                break;
            }
            Next::Torn(offset, bytes) => {
                found.offset = offset;
                found.torn = Some(bytes);
                break;
            }
        }
    }
    Ok((state, found))
}

/// Copies every row but the state.
fn copy(from: &Index, to: &Index) -> Result<(), IndexError> {
    const ROWS: usize = 2_000;
    let state = state_key();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let span: Span = (start, Bound::Unbounded);
        let page = from.scan(span, ROWS, false)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        let rows = page.into_iter().filter(|(k, _)| *k != state);
        let sealed = rows.map(|(k, v)| {
            let value = seal(&k, &v);
            (k, Some(value))
        });
        to.commit(&sealed.collect())?;
    }
}

/// Brings the area list in force into the index, then the state with its version.
pub(super) fn apply_area(
    index: &Index,
    state: &mut State,
    dir: &Path,
    options: &Options,
) -> Result<(), IndexError> {
    let list = prepare_area(index, state.area_version, &*options.disk, dir)?;
    enforce_area(index, state, list)?;
    area::sweep(index, state.area_version)
}

/// Writes the list of the manifest into the index, beside the one in force: its version and number
/// of meters, if there is a list.
pub(super) fn prepare_area(
    index: &Index,
    in_force: u64,
    disk: &dyn Disk,
    dir: &Path,
) -> Result<Option<(u64, u64)>, IndexError> {
    // Remains of an installation that was cut short must not mix with this one.
    area::sweep(index, in_force)?;
    let Some(list) = area::manifest(disk, dir) else { return Ok(None) };
    let mut meters = Vec::with_capacity(usize::try_from(list.meters).unwrap_or(0).min(1 << 20));
    for number in 0..list.pages {
        // A page that cannot be read is left out: the list is the office's, and comes again.
        if let Some(page) = area::page(disk, dir, list.version, number) {
            meters.extend(page.meters);
        }
    }
    if list.version != in_force {
        area::index_meters(index, list.version, &meters)?;
    }
    Ok(Some((list.version, meters.len() as u64)))
}

/// Makes a prepared list the one in force.
pub(super) fn enforce_area(
    index: &Index,
    state: &mut State,
    list: Option<(u64, u64)>,
) -> Result<(), IndexError> {
    if let Some((version, meters)) = list {
        state.area_version = version;
        state.meters = meters;
    }
    put_state(index, state)
}

/// Writes the state row alone.
pub(super) fn put_state(index: &Index, state: &State) -> Result<(), IndexError> {
    let key = state_key();
    let sealed = seal(&key, &state.encode());
    index.commit(&Batch::from([(key, Some(sealed))]))
}
