//! Building the index again: from the first record of the journal and from the snapshots.
//!
//! Slow on purpose where it must be sure: every record is checked on the way. Nothing is taken over
//! from the index that failed.

use super::area;
use super::chain::{Chain, Frame};
use super::error::{Damage, Why};
use super::event::{Event, Position, Stamp};
use super::files::Files;
use super::index::Index;
use super::kv::{Batch, IndexError, SledKv, Span};
use super::open::{INDEX, IndexKind, JOURNAL};
use super::project::{Written, project};
use super::records::decode_body;
use super::segment::HEADER;
use super::state::State;
use super::walk::{Next, Walker};
use std::ops::Bound;

/// What is known of the journal's end.
pub(super) struct Found {
    /// The last entry.
    pub head: Position,
    /// Where the next frame goes.
    pub offset: u64,
    /// Bytes a torn frame left behind.
    pub torn: Option<u64>,
}

/// Why an entry could not be applied.
pub(super) enum Apply {
    /// The index failed.
    Index(IndexError),
    /// The entry cannot be read.
    Record(String),
}

/// Damage at a frame.
pub(super) fn damage(chain: &Chain, frame: &Frame, what: String) -> Damage {
    let first = frame.entries.first().map_or(0, |entry| entry.at.seq);
    let segment = chain.find(first).and_then(|i| chain.segment(i));
    Damage {
        file: segment.map_or_else(|| JOURNAL.to_owned(), |s| s.name.clone()),
        offset: frame.offset,
        after_seq: first.saturating_sub(1),
        what,
    }
}

fn read(frame: &Frame) -> Result<Vec<(Stamp, Event)>, Apply> {
    let one = |entry: &super::chain::Entry| {
        let body = decode_body(&entry.body).map_err(|e| Apply::Record(e.to_string()))?;
        if body.seq != entry.at.seq {
            return Err(Apply::Record(format!("entry {} says it is {}", entry.at.seq, body.seq)));
        }
        Ok((body.stamp, body.event))
    };
    frame.entries.iter().map(one).collect()
}

/// Applies the entries of a frame to the index, all or none.
pub(super) fn apply(index: &Index, state: &State, frame: &Frame) -> Result<State, Apply> {
    let entries = read(frame)?;
    let (Some(first), Some(head)) = (frame.entries.first(), frame.head()) else {
        return Err(Apply::Record("a frame without entries".to_owned()));
    };
    let written = Written { first: first.at.seq, head, offset: frame.offset, end: frame.end };
    let (batch, next) = project(index, state, written, &entries).map_err(Apply::Index)?;
    index.commit_with(batch, &next).map_err(Apply::Index)?;
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
    files: &Files,
    until: u64,
) -> Result<(State, Found), IndexError> {
    let mut state = empty(chain);
    let mut found = nothing(chain);
    let mut walker = Walker::from_start(chain, true);
    while found.head.seq < until {
        match walker.step() {
            Ok(Next::Frame(frame)) => match apply(index, &state, &frame) {
                Ok(next) => {
                    state = next;
                    found.head = state.head;
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
    apply_area(index, &mut state, files)?;
    Ok((state, found))
}

/// Checks the whole journal up to entry `until`, every byte of it.
pub(super) fn check_chain(chain: &Chain, until: u64) -> Result<Position, Damage> {
    let mut walker = Walker::from_start(chain, until == u64::MAX);
    while walker.head().seq < until {
        match walker.step()? {
            Next::Frame(_) => {}
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
    files: &Files,
    kind: IndexKind,
    until: u64,
) -> Result<(Index, State, Found, Option<Why>), Damage> {
    let (staged, mut state, found) = stage(chain, until)?;
    if kind == IndexKind::Memory {
        // Memory cannot fail.
        let _ = apply_area(&staged, &mut state, files);
        return Ok((staged, state, found, None));
    }
    let path = files.folder(INDEX);
    let _ = std::fs::remove_dir_all(&path);
    let copied = SledKv::open(&path).and_then(|kv| {
        let index = Index::on_disk(Box::new(kv), chain.seal.clone());
        copy(&staged, &index).map(|()| index)
    });
    // The area list comes next, and is as large again.
    drop(staged);
    let finished = copied.and_then(|index| apply_area(&index, &mut state, files).map(|()| index));
    match finished {
        Ok(index) => Ok((index, state, found, None)),
        Err(e) => {
            // Half an index must not be found by the next opening.
            let _ = std::fs::remove_dir_all(&path);
            let (staged, mut state, found) = stage(chain, until)?;
            let _ = apply_area(&staged, &mut state, files);
            Ok((staged, state, found, Some(Why::NoIndex(e.0))))
        }
    }
}

/// The journal up to entry `until` as an index in memory.
fn stage(chain: &Chain, until: u64) -> Result<(Index, State, Found), Damage> {
    let index = Index::in_memory(chain.seal.clone());
    let (state, found) = build_journal_only(&index, chain, until)?;
    Ok((index, state, found))
}

fn build_journal_only(index: &Index, chain: &Chain, until: u64) -> Result<(State, Found), Damage> {
    let mut state = empty(chain);
    let mut found = nothing(chain);
    let mut walker = Walker::from_start(chain, until == u64::MAX);
    while found.head.seq < until {
        match walker.step()? {
            Next::Frame(frame) => {
                state = apply(index, &state, &frame).map_err(|e| match e {
                    Apply::Record(what) | Apply::Index(IndexError(what)) => {
                        damage(chain, &frame, what)
                    }
                })?;
                found = Found { head: state.head, offset: state.offset, torn: None };
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

/// Copies every row; the state comes last, and of itself.
fn copy(from: &Index, to: &Index) -> Result<(), IndexError> {
    const ROWS: usize = 2_000;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let span: Span = (start, Bound::Unbounded);
        let page = from.scan(span, ROWS, false)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        to.commit(page.into_iter().map(|(k, v)| (k, Some(v))).collect())?;
    }
}

/// Brings the area list in force into the index, then the state with its version.
pub(super) fn apply_area(
    index: &Index,
    state: &mut State,
    files: &Files,
) -> Result<(), IndexError> {
    let list = prepare_area(index, state.area_version, files)?;
    enforce_area(index, state, list)?;
    area::sweep(index, state.area_version)
}

/// Writes the list of the manifest into the index, beside the one in force: its version and number
/// of meters, if there is a list.
pub(super) fn prepare_area(
    index: &Index,
    in_force: u64,
    files: &Files,
) -> Result<Option<(u64, u64)>, IndexError> {
    // Remains of an installation that was cut short must not mix with this one.
    area::sweep(index, in_force)?;
    let Some(list) = area::manifest(files) else { return Ok(None) };
    let mut meters = Vec::with_capacity(usize::try_from(list.meters).unwrap_or(0).min(1 << 20));
    for number in 0..list.pages {
        // A page that cannot be read is left out: the list is the office's, and comes again.
        if let Some(page) = area::page(files, list.version, number) {
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
    index.commit_with(Batch::new(), state)
}
