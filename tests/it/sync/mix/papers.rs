//! Everything a handheld could ever send of its journal, signed once: packs cut in many ways, over
//! the line and in letters, and the questions around them.

use meterkit::sync::wire::media::{UP, letter};
use meterkit::sync::wire::{self, Ask, Hello, Pack, Position, Pull, Request, Visit};
use meterkit::units::UnixSeconds;
use meterkit_tokens::{Issuer, sealed};

use crate::crash::disk::Dice;
use crate::office::desk::{Handheld, NOW, SEEDS, TENANT};

/// One thing to deliver.
#[derive(Clone)]
pub enum Paper {
    /// A request over the line: where to, and its body.
    Line(&'static str, Vec<u8>),
    /// A letter on a stick: its name and content.
    Letter(String, Vec<u8>),
}

/// The journal of one handheld, and who signs for it.
pub struct Journal<'h> {
    hand: &'h Handheld,
    bodies: Vec<Vec<u8>>,
    /// Of the entry before the first, then of each.
    hashes: Vec<[u8; 32]>,
    dice: Dice,
}

impl<'h> Journal<'h> {
    /// The whole journal as it stands.
    pub fn of(hand: &'h Handheld, seed: u64) -> Self {
        let records = hand.store.raw_events(1, usize::MAX);
        let first = records.first().expect("an entry").prev_hash;
        let hashes = std::iter::once(first).chain(records.iter().map(|record| record.hash));
        let hashes = hashes.collect();
        let bodies = records.into_iter().map(|record| record.body).collect();
        Self { hand, bodies, hashes, dice: Dice::new(seed) }
    }

    fn len(&self) -> usize {
        self.bodies.len()
    }

    fn position(&self, seq: usize) -> Position {
        let epoch = self.hand.store.identity().epoch;
        Position { epoch, seq: seq as u64, hash: self.hashes[seq] }
    }

    /// Entries `first..=last`, counted from 1.
    fn pack(&self, first: usize, last: usize) -> Pack {
        let bodies: Vec<&[u8]> = self.bodies[first - 1..last].iter().map(Vec::as_slice).collect();
        let epoch = self.hand.store.identity().epoch;
        let (before, hash) = (self.hashes[first - 1], self.hashes[last]);
        Pack::of(epoch, first as u64, before, hash, &bodies).unwrap()
    }

    fn request(&mut self, ask: Ask) -> Vec<u8> {
        let device = self.hand.store.identity().device.clone();
        let nonce = std::array::from_fn(|_| self.dice.below(256) as u8);
        let name = device.as_str().as_bytes().to_vec();
        let document = ask.document();
        let request = Request { device, nonce, at: UnixSeconds(NOW), ask };
        let signed = self.hand.key().sign(document, TENANT, request.payload()).unwrap();
        wire::join(&[&name, &nonce, &signed])
    }

    fn line(&mut self, ask: Ask) -> Paper {
        let path = ask.path();
        Paper::Line(path, self.request(ask))
    }

    fn letter(&mut self, first: usize, last: usize) -> Paper {
        let head = self.position(last);
        let visit = Visit { head, receipt: 0, area: 0, root: 1, checkpoint: None, again: None };
        let (visit, pack) =
            (self.request(Ask::Visit(visit)), self.request(Ask::Pack(self.pack(first, last))));
        let to = Issuer::from_seed(SEEDS[2]).public();
        let seed = std::array::from_fn(|_| self.dice.below(256) as u8);
        let bytes = sealed::seal(&to, UP, &letter(&[visit, pack]), seed).unwrap();
        let name = format!("{}-{first}-{last}.mkp", self.hand.store.identity().device);
        Paper::Letter(name, bytes)
    }

    /// Where the journal is cut: every piece as long as `dice` says.
    fn cuts(&mut self, longest: usize) -> Vec<(usize, usize)> {
        let (mut cuts, mut first) = (Vec::new(), 1);
        while first <= self.len() {
            let more = self.dice.below(longest as u64) as usize;
            let last = (first + more).min(self.len());
            cuts.push((first, last));
            first = last + 1;
        }
        cuts
    }

    /// The journal once from its beginning to its end, over the line.
    pub fn whole(&mut self) -> Vec<Paper> {
        let cuts = self.cuts(20);
        cuts.into_iter().map(|(first, last)| self.line(Ask::Pack(self.pack(first, last)))).collect()
    }

    /// Papers of every kind: cut small, cut large, overlapping, entry by entry in places; and what
    /// is asked before and after.
    pub fn all(&mut self) -> Vec<Paper> {
        let mut papers = self.whole();
        for longest in [3, 9, 30] {
            for (at, (first, last)) in self.cuts(longest).into_iter().enumerate() {
                papers.push(match at % 2 {
                    0 => self.line(Ask::Pack(self.pack(first, last))),
                    _ => self.letter(first, last),
                });
            }
        }
        for _ in 0..12 {
            let first = 1 + self.dice.below(self.len() as u64) as usize;
            let last = (first + self.dice.below(25) as usize).min(self.len());
            papers.push(self.letter(first, last));
            papers.push(self.line(Ask::Pack(self.pack(first, last))));
        }
        for _ in 0..4 {
            let at = self.dice.below(self.len() as u64 + 1) as usize;
            let (head, receipt) = (self.position(at), self.dice.below(4));
            papers.push(self.line(Ask::Hello(Hello { head, receipt, checkpoint: None })));
            papers.push(self.line(Ask::Bye { receipt }));
            let pull = Pull { area: 0, keyset: 1, root: 1, after: None };
            papers.push(self.line(Ask::Pull(pull)));
        }
        papers
    }
}
