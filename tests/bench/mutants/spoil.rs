//! The ways of spoiling a document: bytes, heads, entries, and parts taken from other documents.

use super::rng::Rng;
use super::tree::{Node, head, odd, spoil, walk, write};

/// A document to be spoiled.
pub struct Original {
    pub bytes: Vec<u8>,
    pub tree: Node,
    /// Where its heads are.
    pub heads: Vec<usize>,
}

/// One way of spoiling: a document, and another one to take from.
pub type Way = fn(&Original, &Original, &mut Rng) -> Vec<u8>;

pub const WAYS: [(&str, Way); 25] = [
    ("bit flipped", |one, _, rng| edit(one, rng, |b, at, rng| b[at] ^= 1 << rng.below(8))),
    ("byte set", |one, _, rng| edit(one, rng, |b, at, rng| b[at] = rng.byte())),
    ("byte put in", |one, _, rng| edit(one, rng, |b, at, rng| b.insert(at, rng.byte()))),
    ("byte taken out", |one, _, rng| {
        edit(one, rng, |b, at, _| b.splice(at..=at, []).for_each(drop))
    }),
    ("stretch doubled", |one, _, rng| edit(one, rng, doubled)),
    ("cut off", |one, _, rng| edit(one, rng, |b, at, _| b.truncate(at))),
    ("made longer", |one, _, rng| longer(one, rng)),
    ("stretch of another", splice),
    ("end of another", cross),
    ("head edited", |one, _, rng| edit_head(one, rng)),
    ("entry doubled", |one, _, rng| in_tree(one, rng, many, double)),
    ("entry removed", |one, _, rng| in_tree(one, rng, many, remove)),
    ("entries swapped", |one, _, rng| in_tree(one, rng, many, swap)),
    ("entry added", |one, _, rng| in_tree(one, rng, many, add)),
    ("value changed", |one, _, rng| in_tree(one, rng, leaf, change)),
    ("type changed", |one, _, rng| in_tree(one, rng, |_| true, retype)),
    ("head made longer", |one, _, rng| in_tree(one, rng, |n| !matches!(n, Node::Raw(_)), widen)),
    ("made indefinite", |one, _, rng| in_tree(one, rng, many, open_ended)),
    ("tag put around", |one, _, rng| in_tree(one, rng, |_| true, tag)),
    ("header of another", |one, two, rng| part(one, two, 0, rng)),
    ("payload of another", |one, two, rng| part(one, two, 2, rng)),
    ("signature of another", |one, two, rng| part(one, two, 3, rng)),
    ("key id of another", kid),
    ("header outside filled", |one, _, rng| {
        in_tree(one, rng, |n| matches!(n, Node::Map(m) if m.is_empty()), add)
    }),
    ("S + L", |one, _, rng| {
        in_tree(one, rng, |n| matches!(n, Node::Str(2, s) if s.len() == 64), plus_l)
    }),
];

fn edit(one: &Original, rng: &mut Rng, how: fn(&mut Vec<u8>, usize, &mut Rng)) -> Vec<u8> {
    let mut bytes = one.bytes.clone();
    let at = rng.below(bytes.len());
    how(&mut bytes, at, rng);
    bytes
}

fn doubled(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let end = bytes.len().min(at + 1 + rng.below(40));
    let again = bytes[at..end].to_vec();
    bytes.splice(at..at, again);
}

fn longer(one: &Original, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = one.bytes.clone();
    if rng.below(4) == 0 {
        bytes.extend_from_slice(&one.bytes);
    } else {
        bytes.push(rng.byte());
        bytes.extend(rng.bytes(15));
    }
    bytes
}

fn splice(one: &Original, two: &Original, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = one.bytes.clone();
    let at = rng.below(bytes.len());
    let len = 1 + rng.below(64);
    let from = rng.below(two.bytes.len());
    let piece = two.bytes[from..two.bytes.len().min(from + len)].to_vec();
    let end = bytes.len().min(at + len);
    bytes.splice(at..end, piece);
    bytes
}

fn cross(one: &Original, two: &Original, rng: &mut Rng) -> Vec<u8> {
    let at = rng.below(one.bytes.len());
    let from = if rng.below(2) == 0 { at.min(two.bytes.len()) } else { rng.below(two.bytes.len()) };
    [&one.bytes[..at], &two.bytes[from..]].concat()
}

/// Another length, width or type in a true head.
fn edit_head(one: &Original, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = one.bytes.clone();
    let at = one.heads[rng.below(one.heads.len())];
    bytes[at] = match rng.below(5) {
        0 => bytes[at].wrapping_add(1),
        1 => bytes[at].wrapping_sub(1),
        2 => bytes[at] & 0xe0 | rng.byte() & 0x1f,
        3 => bytes[at] & 0x1f | rng.byte() & 0xe0,
        _ => {
            if let Some(next) = bytes.get_mut(at + 1) {
                *next = next.wrapping_add(if rng.below(2) == 0 { 1 } else { 0xff });
            }
            bytes[at]
        }
    };
    bytes
}

fn in_tree(
    one: &Original,
    rng: &mut Rng,
    fits: fn(&Node) -> bool,
    how: fn(&mut Node, &mut Rng),
) -> Vec<u8> {
    let mut tree = one.tree.clone();
    spoil(&mut tree, rng, fits, how);
    write(&tree)
}

fn many(node: &Node) -> bool {
    matches!(node, Node::List(_) | Node::Map(_))
}

fn leaf(node: &Node) -> bool {
    matches!(node, Node::Int(..) | Node::Str(..) | Node::Raw(_))
}

fn double(node: &mut Node, rng: &mut Rng) {
    match node {
        Node::List(items) if !items.is_empty() => {
            let at = rng.below(items.len());
            items.insert(at, items[at].clone());
        }
        Node::Map(entries) if !entries.is_empty() => {
            let at = rng.below(entries.len());
            let mut again = entries[at].clone();
            if rng.below(2) == 0 {
                again.1 = Node::Int(0, rng.number());
            }
            entries.insert(at + rng.below(2), again);
        }
        _ => add(node, rng),
    }
}

fn remove(node: &mut Node, rng: &mut Rng) {
    match node {
        Node::List(items) if !items.is_empty() => drop(items.remove(rng.below(items.len()))),
        Node::Map(entries) if !entries.is_empty() => drop(entries.remove(rng.below(entries.len()))),
        _ => add(node, rng),
    }
}

fn swap(node: &mut Node, rng: &mut Rng) {
    match node {
        Node::List(items) if items.len() > 1 => {
            let (a, b) = (rng.below(items.len()), rng.below(items.len()));
            items.swap(a, b);
        }
        Node::Map(entries) if entries.len() > 1 => {
            let (a, b) = (rng.below(entries.len()), rng.below(entries.len()));
            if rng.below(2) == 0 {
                entries.swap(a, b);
            } else {
                let value = entries[a].1.clone();
                entries[a].1 = std::mem::replace(&mut entries[b].1, value);
            }
        }
        _ => add(node, rng),
    }
}

fn add(node: &mut Node, rng: &mut Rng) {
    let value = if rng.below(2) == 0 { odd(rng) } else { Node::Int(0, rng.number()) };
    match node {
        Node::List(items) => items.insert(rng.below(items.len() + 1), value),
        Node::Map(entries) => {
            let key = Node::Int(rng.below(2) as u8, rng.below(40) as u64);
            entries.push((key, value));
            // In its place more often than not, so that it gets as far as the fields.
            if rng.below(4) > 0 {
                entries.sort_by_cached_key(|(key, _)| write(key));
            }
        }
        _ => {}
    }
}

fn change(node: &mut Node, rng: &mut Rng) {
    match node {
        Node::Int(major, arg) => match rng.below(4) {
            0 => *arg = arg.wrapping_add(1),
            1 => *arg = arg.wrapping_sub(1),
            2 => *arg = rng.number(),
            _ => *major ^= 1,
        },
        Node::Str(_, content) => match rng.below(5) {
            0 => content.push(rng.byte()),
            1 => drop(content.pop()),
            2 => content.clear(),
            _ if content.is_empty() => content.push(0),
            _ => {
                let at = rng.below(content.len());
                content[at] ^= 1 << rng.below(8);
            }
        },
        other => *other = odd(rng),
    }
}

fn retype(node: &mut Node, rng: &mut Rng) {
    *node = match (rng.below(5), &*node) {
        (0, Node::Str(major, content)) => Node::Str(major ^ 1, content.clone()),
        (0 | 1, Node::Inside(inner)) => (**inner).clone(),
        (1, node) => Node::Inside(Box::new(node.clone())),
        (2, node) => Node::List(vec![node.clone()]),
        (3, _) => odd(rng),
        _ => super::tree::random(rng, 3),
    };
}

fn widen(node: &mut Node, _: &mut Rng) {
    let bytes = write(node);
    let (major, arg, skip) = match node {
        Node::Int(major, arg) => (*major, *arg, bytes.len()),
        Node::Str(major, content) => (*major, content.len() as u64, bytes.len() - content.len()),
        Node::Inside(inner) => {
            let len = write(inner).len();
            (2, len as u64, bytes.len() - len)
        }
        Node::List(items) => (4, items.len() as u64, short(items.len())),
        Node::Map(entries) => (5, entries.len() as u64, short(entries.len())),
        Node::Tag(number, inner) => (6, *number, bytes.len() - write(inner).len()),
        Node::Raw(_) => return,
    };
    let mut wide = Vec::new();
    head(&mut wide, major, arg, true);
    wide.extend_from_slice(&bytes[skip..]);
    *node = Node::Raw(wide);
}

/// Length of the shortest head for a count.
fn short(count: usize) -> usize {
    let mut bytes = Vec::new();
    head(&mut bytes, 0, count as u64, false);
    bytes.len()
}

fn open_ended(node: &mut Node, _: &mut Rng) {
    let (major, skip) = match node {
        Node::List(items) => (4u8, short(items.len())),
        Node::Map(entries) => (5, short(entries.len())),
        _ => return,
    };
    let mut bytes = vec![major << 5 | 31];
    bytes.extend_from_slice(&write(node)[skip..]);
    bytes.push(0xff);
    *node = Node::Raw(bytes);
}

fn tag(node: &mut Node, rng: &mut Rng) {
    let numbers = [18, 17, 61, 98, 2, 1, 24, 55799];
    match node {
        Node::Tag(number, _) => *number = numbers[rng.below(numbers.len())],
        other => {
            let number = numbers[rng.below(numbers.len())];
            *other = Node::Tag(number, Box::new(other.clone()));
        }
    }
}

/// The lists of four in a document: one, or one for each signature of a root file.
fn envelopes(tree: &mut Node, each: &mut dyn FnMut(&mut Vec<Node>)) {
    walk(tree, &mut |node| {
        if let Node::Tag(18, inner) = node
            && let Node::List(parts) = &mut **inner
            && parts.len() == 4
        {
            each(parts);
        }
    });
}

/// Takes part `at` of an envelope of another document, or of another envelope of this one.
fn part(one: &Original, two: &Original, at: usize, rng: &mut Rng) -> Vec<u8> {
    let mut parts = Vec::new();
    for from in [two, one] {
        envelopes(&mut from.tree.clone(), &mut |envelope| parts.push(envelope[at].clone()));
    }
    let taken = parts[rng.below(parts.len())].clone();
    let mut tree = one.tree.clone();
    let mut left = rng.below(2);
    envelopes(&mut tree, &mut |envelope| {
        if left == 0 || rng.below(2) == 0 {
            envelope[at] = taken.clone();
        }
        left = left.saturating_sub(1);
    });
    write(&tree)
}

fn kid(one: &Original, two: &Original, rng: &mut Rng) -> Vec<u8> {
    let mut kids = vec![vec![0; 8]];
    let is_kid = |key: &Node| matches!(key, Node::Int(0, 4));
    for from in [two, one] {
        envelopes(&mut from.tree.clone(), &mut |envelope| {
            walk(&mut envelope[0], &mut |node| {
                let Node::Map(entries) = node else { return };
                for (_, value) in entries.iter().filter(|(key, _)| is_kid(key)) {
                    if let Node::Str(2, kid) = value {
                        kids.push(kid.clone());
                    }
                }
            });
        });
    }
    let taken = kids[rng.below(kids.len())].clone();
    let mut tree = one.tree.clone();
    envelopes(&mut tree, &mut |envelope| {
        walk(&mut envelope[0], &mut |node| {
            let Node::Map(entries) = node else { return };
            for (_, value) in entries.iter_mut().filter(|(key, _)| is_kid(key)) {
                *value = Node::Str(2, taken.clone());
            }
        });
    });
    write(&tree)
}

/// The order of the curve's base point, little end first.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The same signature spelled in a second way.
fn plus_l(node: &mut Node, _: &mut Rng) {
    let Node::Str(2, signature) = node else { return };
    let mut carry = 0u16;
    for (byte, l) in signature[32..].iter_mut().zip(L) {
        carry += u16::from(*byte) + u16::from(l);
        *byte = carry as u8;
        carry >>= 8;
    }
}
