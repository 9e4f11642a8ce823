//! CBOR as a tree that can be spoiled and written again: what a person with a hex editor and a
//! library would do. Knows nothing of our rules and shares no code with our reader.

use super::rng::Rng;

/// One item. What is not understood is kept as bytes.
#[derive(Debug, Clone)]
pub enum Node {
    /// A whole number: major type 0 or 1, argument.
    Int(u8, u64),
    /// A string: major type 2 or 3, content.
    Str(u8, Vec<u8>),
    /// A byte string that holds CBOR.
    Inside(Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Tag(u64, Box<Node>),
    /// Bytes as they stand.
    Raw(Vec<u8>),
}

/// Writes a head; `wide` takes the next longer form than needed.
pub fn head(out: &mut Vec<u8>, major: u8, arg: u64, wide: bool) {
    let bytes = arg.to_be_bytes();
    let step = match arg {
        0..=23 => 0,
        24..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 3,
        _ => 4,
    };
    let (info, width) = match step + usize::from(wide) {
        0 => (bytes[7], 0),
        1 => (24, 1),
        2 => (25, 2),
        3 => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | info);
    out.extend_from_slice(&bytes[8 - width..]);
}

/// Reads a head in any form: major type, argument, bytes taken.
fn read_head(bytes: &[u8]) -> Option<(u8, u64, usize)> {
    let first = *bytes.first()?;
    let width = match first & 31 {
        info @ 0..=23 => return Some((first >> 5, info.into(), 1)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let arg = bytes.get(1..1 + width)?.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    Some((first >> 5, arg, 1 + width))
}

/// Reads one item; `heads` gets the offset of every head in it, those inside byte strings too.
pub fn read(bytes: &[u8], base: usize, heads: &mut Vec<usize>) -> Option<(Node, usize)> {
    let (major, arg, mut at) = read_head(bytes)?;
    heads.push(base);
    let count = usize::try_from(arg).ok()?;
    let node = match major {
        0 | 1 => Node::Int(major, arg),
        2 | 3 => {
            let content = bytes.get(at..at.checked_add(count)?)?;
            let from = at;
            at += count;
            let known = heads.len();
            // Only what begins as a map or a tag: a hash must not be taken for CBOR.
            let holds = major == 2 && content.first().is_some_and(|b| matches!(b >> 5, 5 | 6));
            match read(content, base + from, heads).filter(|_| holds) {
                Some((inner, end)) if end == content.len() => Node::Inside(Box::new(inner)),
                _ => {
                    heads.truncate(known);
                    Node::Str(major, content.to_vec())
                }
            }
        }
        4 | 5 => {
            let mut items = Vec::new();
            for _ in 0..count * usize::from(major - 3) {
                let (item, len) = read(bytes.get(at..)?, base + at, heads)?;
                items.push(item);
                at += len;
            }
            if major == 4 { Node::List(items) } else { Node::Map(pairs(items)) }
        }
        6 => {
            let (item, len) = read(bytes.get(at..)?, base + at, heads)?;
            at += len;
            Node::Tag(arg, Box::new(item))
        }
        _ => Node::Raw(bytes.get(..at)?.to_vec()),
    };
    Some((node, at))
}

fn pairs(items: Vec<Node>) -> Vec<(Node, Node)> {
    let mut items = items.into_iter();
    std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect()
}

/// Writes a tree as it stands: lengths and counts always fit, order is left alone.
pub fn write(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    put(node, &mut out);
    out
}

fn put(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Int(major, arg) => head(out, *major, *arg, false),
        Node::Str(major, content) => {
            head(out, *major, content.len() as u64, false);
            out.extend_from_slice(content);
        }
        Node::Inside(inner) => {
            let content = write(inner);
            head(out, 2, content.len() as u64, false);
            out.extend(content);
        }
        Node::List(items) => {
            head(out, 4, items.len() as u64, false);
            items.iter().for_each(|item| put(item, out));
        }
        Node::Map(entries) => {
            head(out, 5, entries.len() as u64, false);
            for (key, value) in entries {
                put(key, out);
                put(value, out);
            }
        }
        Node::Tag(number, inner) => {
            head(out, 6, *number, false);
            put(inner, out);
        }
        Node::Raw(bytes) => out.extend_from_slice(bytes),
    }
}

/// Calls `each` with every node below and including this one.
pub fn walk(node: &mut Node, each: &mut dyn FnMut(&mut Node)) {
    each(node);
    match node {
        Node::Inside(inner) | Node::Tag(_, inner) => walk(inner, each),
        Node::List(items) => items.iter_mut().for_each(|item| walk(item, each)),
        Node::Map(entries) => {
            for (key, value) in entries {
                walk(key, each);
                walk(value, each);
            }
        }
        Node::Int(..) | Node::Str(..) | Node::Raw(_) => {}
    }
}

/// Spoils one node chosen at random among those that fit.
pub fn spoil(
    tree: &mut Node,
    rng: &mut Rng,
    fits: fn(&Node) -> bool,
    how: fn(&mut Node, &mut Rng),
) {
    let mut count = 0;
    walk(tree, &mut |node| count += usize::from(fits(node)));
    if count == 0 {
        return;
    }
    let mut left = rng.below(count);
    let mut done = false;
    walk(tree, &mut |node| {
        if done || !fits(node) {
            return;
        }
        if left == 0 {
            how(node, rng);
            done = true;
        } else {
            left -= 1;
        }
    });
}

/// A tree of anything, for the scan alone.
pub fn random(rng: &mut Rng, depth: usize) -> Node {
    match rng.below(if depth == 0 { 5 } else { 9 }) {
        0 => Node::Int(rng.below(2) as u8, rng.number()),
        1 => Node::Int(0, rng.below(300) as u64),
        2 => Node::Str(2, rng.bytes(30)),
        3 => Node::Str(3, rng.bytes(8).into_iter().map(|b| b'a' + b % 26).collect()),
        4 => odd(rng),
        5 => Node::Tag(rng.below(70) as u64, Box::new(random(rng, depth - 1))),
        6 | 7 => {
            let mut entries: Vec<(Node, Node)> =
                (0..rng.below(5)).map(|_| (random(rng, 0), random(rng, depth - 1))).collect();
            entries.sort_by_cached_key(|(key, _)| write(key));
            Node::Map(entries)
        }
        _ => Node::List((0..rng.below(5)).map(|_| random(rng, depth - 1)).collect()),
    }
}

/// One of the items that have no place in our documents, or hardly one.
pub fn odd(rng: &mut Rng) -> Node {
    let rows: [&[u8]; 10] = [
        &[0xf4],
        &[0xf5],
        &[0xf6],
        &[0xf7],
        &[0xe0],
        &[0xf8, 0xff],
        &[0xf9, 0x3c, 0x00],
        &[0xfa, 0x47, 0xc3, 0x50, 0x00],
        &[0xc2, 0x41, 0x01],
        &[0x9f, 0xff],
    ];
    Node::Raw(rows[rng.below(rows.len())].to_vec())
}
