//! Modbus: registers, near ones in one read.

use std::time::Duration;

use sha2::Sha256;

use super::{Found, Pass, Passes, by_form, retry, run, timing, trouble};
use crate::jobs::Line;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::profile::{Item, Place, Protocol};
use crate::protocol::exchange::{Reply, Timing};
use crate::protocol::framing::{Framing, Parity};
use crate::protocol::modbus::ask::{self, Numbers, Target};
use crate::protocol::modbus::frame::Unit;
use crate::protocol::modbus::pdu::Table;
use crate::protocol::modbus::plan::{self, Block, Want};
use crate::protocol::modbus::silence;
use crate::report::Code;

/// What was answered to each want.
type Replies = Vec<Option<Reply<Vec<u8>>>>;

/// Reads the items of one meter.
pub(super) fn read(
    line: &mut Line<'_>,
    unit: Unit,
    items: &[Item],
    digest: &mut Sha256,
) -> Result<Found, Failure> {
    let wants = items.iter().map(want).collect::<Result<Vec<_>, _>>()?;
    let timing = paced(line);
    // What a meter takes to answer is not known beforehand: by the wire alone a gap is worth least.
    let gap = plan::worth(&timing, Duration::ZERO);
    let blocks = plan::plan(&wants, gap, &[]);
    let replies = blocks_of(line, unit, (&wants, blocks), timing, digest)?;
    let found = items.iter().zip(replies).map(|(item, reply)| match reply {
        Some(Reply::Data(raw)) => Some(by_form(item, raw)),
        _ => None,
    });
    Ok(found.collect())
}

/// Who is asked on this line.
pub(in crate::jobs) fn target(line: &Line<'_>, unit: Unit) -> Target {
    match line.profile.protocol {
        // Every question takes longer than the millisecond that its number stands for, so numbers
        // never meet those of the conversation before on the same connection.
        Protocol::ModbusTcp => {
            let millis = line.link.now().as_millis() & u128::from(u16::MAX);
            Target::tcp(unit, &Numbers::from(u16::try_from(millis).unwrap_or(0)))
        }
        _ => Target::rtu(unit),
    }
}

/// The times of this line, with the silence between frames.
pub(in crate::jobs) fn paced(line: &Line<'_>) -> Timing {
    let mut timing = timing(line);
    if line.profile.protocol != Protocol::ModbusTcp {
        timing.silence = silence(baud(line, timing.character), line.profile.timing.silence);
    }
    timing
}

/// The speed the line really has, from what a character takes on it; 0 where bytes take no time.
fn baud(line: &Line<'_>, character: Duration) -> u32 {
    let Framing { data_bits, parity, stop_bits, .. } = line.profile.line.framing;
    let bits = 1 + data_bits + u8::from(parity != Parity::None) + stop_bits;
    let nanos = character.as_nanos();
    let baud = (u128::from(bits) * 1_000_000_000).checked_div(nanos).unwrap_or(0);
    u32::try_from(baud).unwrap_or(u32::MAX)
}

fn want(item: &Item) -> Result<Want, Failure> {
    let unknown = || fail(Code::ItemUnknown, item.name.clone());
    let Place::Register { function, address } = item.at else { return Err(unknown()) };
    let table = Table::of(function).ok_or_else(unknown)?;
    let words = item.form.and_then(crate::protocol::form::Form::words);
    let count = words.or(item.len.map(|len| len.div_ceil(2))).unwrap_or(1);
    Ok(Want { table, start: address, count })
}

/// Reads the blocks of a plan; one that stays unanswered is passed over, a few times.
fn blocks_of(
    line: &mut Line<'_>,
    unit: Unit,
    (wants, mut blocks): (&[Want], Vec<Block>),
    timing: Timing,
    digest: &mut Sha256,
) -> Result<Replies, Failure> {
    let (target, retry) = (target(line, unit), retry(line));
    let mut replies: Replies = vec![None; wants.len()];
    let mut passes = Passes::default();
    while !blocks.is_empty() {
        let read = ask::read(&target, wants, blocks.clone(), timing, retry);
        let mut read = read.after(line.link.now());
        if line.doubtful {
            read = read.after_trouble();
        }
        let ended = run(line, &mut read, digest)?;
        for (mine, heard) in replies.iter_mut().zip(read.so_far()) {
            if heard.is_some() {
                mine.clone_from(heard);
            }
        }
        let Err(error) = ended else { break };
        let unanswered = |want: &usize| replies.get(*want).is_some_and(Option::is_none);
        blocks.retain(|block| block.wants.iter().any(unanswered));
        match passes.after(&error, replies.iter().any(Option::is_some)) {
            Pass::One => drop(blocks.drain(..1)),
            Pass::Rest => blocks.clear(),
            Pass::Fail => return Err(trouble(&error, &unit)),
        }
    }
    Ok(replies)
}
