//! Patterns of identifiers: hex digits that must match, and placeholders that stand for something.
//!
//! 2007 patterns have eight characters, placeholders come in pairs (one byte); 1997 patterns have
//! four and placeholders of one digit. `FF` (`F`) in a placeholder asks for the block of all.

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `r`: 0 total, then rates.
    Rate,
    /// `R`: rates from 1.
    RateOnly,
    /// `s`: 0 current, then settlement days.
    Settlement,
    /// `p`: phases A B C.
    Phase,
    /// `P`: total, then phases.
    TotalPhase,
    /// `n`: numbered from 1.
    Number,
}

impl Kind {
    fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'r' => Self::Rate,
            b'R' => Self::RateOnly,
            b's' => Self::Settlement,
            b'p' => Self::Phase,
            b'P' => Self::TotalPhase,
            b'n' => Self::Number,
            _ => return None,
        })
    }

    /// The first and last value, apart from the block.
    fn range(self, wide: bool) -> (u32, u32) {
        match self {
            Self::Rate => (0, if wide { 0x3F } else { 0xE }),
            Self::RateOnly => (1, if wide { 0x3F } else { 0xE }),
            Self::Settlement => (0, 0x0C),
            Self::Phase => (1, 3),
            Self::TotalPhase => (0, 3),
            Self::Number => (1, if wide { 0xFE } else { 0xE }),
        }
    }

    fn word(self, value: u32) -> String {
        match (self, value) {
            (Self::Rate | Self::TotalPhase, 0) => "total".to_owned(),
            (Self::Rate | Self::RateOnly, rate) => format!("rate {rate}"),
            (Self::Settlement, 0) => String::new(),
            (Self::Settlement, day) => format!(", settlement {day}"),
            (Self::Phase | Self::TotalPhase, phase @ 1..=3) => {
                format!("phase {}", ["A", "B", "C"][phase as usize - 1])
            }
            (_, other) => other.to_string(),
        }
    }

    /// How a meaning refers to it.
    fn token(self) -> &'static str {
        match self {
            Self::Rate | Self::RateOnly => "{r}",
            Self::Settlement => "{s}",
            Self::Phase | Self::TotalPhase => "{p}",
            Self::Number => "{n}",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hole {
    kind: Kind,
    shift: u32,
    /// Two digits wide.
    wide: bool,
    value: u32,
}

impl Hole {
    fn mask(self) -> u32 {
        if self.wide { 0xFF } else { 0xF }
    }

    fn is_block(self) -> bool {
        self.value == self.mask()
    }
}

/// What the placeholders of a pattern stand for in one identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    di: u32,
    holes: [Option<Hole>; 2],
}

/// Matches an identifier of `digits` hex digits.
pub(super) fn matches(pattern: &str, di: u32, digits: usize) -> Option<Choice> {
    let pattern = pattern.as_bytes();
    if pattern.len() != digits {
        return None;
    }
    let wide = digits == 8;
    let mut choice = Choice { di, holes: [None; 2] };
    let mut holes = choice.holes.iter_mut();
    let mut at = 0;
    while at < digits {
        let width = match Kind::of(pattern[at]) {
            Some(kind) => {
                let width = if wide { 2 } else { 1 };
                let shift = 4 * (digits - at - width) as u32;
                let mask = if wide { 0xFF } else { 0xF };
                let hole = Hole { kind, shift, wide, value: di >> shift & mask };
                let (first, last) = kind.range(wide);
                if !hole.is_block() && !(first..=last).contains(&hole.value) {
                    return None;
                }
                *holes.next()? = Some(hole);
                width
            }
            None => {
                let digit = di >> (4 * (digits - at - 1)) & 0xF;
                if char::from(pattern[at]).to_digit(16) != Some(digit) {
                    return None;
                }
                1
            }
        };
        at += width;
    }
    Some(choice)
}

impl Choice {
    fn block(&self) -> Option<Hole> {
        self.holes.iter().flatten().copied().find(|hole| hole.is_block())
    }

    /// Whether a placeholder asks for the block.
    pub fn is_block(&self) -> bool {
        self.block().is_some()
    }

    /// Members a block usually has: total and four rates, three phases.
    pub fn usual_members(&self) -> usize {
        let members = |hole: &Hole| match hole.kind {
            _ if !hole.is_block() => 1,
            Kind::Rate => 5,
            Kind::RateOnly => 4,
            Kind::Settlement => 13,
            Kind::Phase => 3,
            Kind::TotalPhase => 4,
            Kind::Number => 10,
        };
        self.holes.iter().flatten().map(members).product()
    }

    /// The choice for member `index` of a block, if the block goes that far. With two blocks at
    /// once the members are not told apart.
    pub fn member(&self, index: usize) -> Option<Self> {
        let block = self.block()?;
        let (first, last) = block.kind.range(block.wide);
        let value = u32::try_from(index).ok()?.checked_add(first).filter(|value| *value <= last)?;
        let mut member = *self;
        member.di = self.di & !(block.mask() << block.shift) | value << block.shift;
        for hole in member.holes.iter_mut().flatten().filter(|hole| hole.shift == block.shift) {
            hole.value = value;
        }
        (!member.is_block()).then_some(member)
    }

    /// The same with further bits in the identifier (the month of 1997 energies).
    pub fn with_bits(mut self, bits: u32) -> Self {
        self.di |= bits;
        self
    }

    /// The identifier.
    pub fn di(&self) -> u32 {
        self.di
    }

    /// The row's meaning with the placeholders filled in: "phase A voltage", "voltage block".
    pub fn name(&self, meaning: &str) -> String {
        let mut name = meaning.to_owned();
        for hole in self.holes.iter().flatten() {
            let token = hole.kind.token();
            let word = match (hole.is_block(), hole.kind) {
                (false, kind) => kind.word(hole.value),
                (true, Kind::Settlement) => ", all settlements".to_owned(),
                (true, _) if name.starts_with(token) => {
                    name.push_str(" block");
                    String::new()
                }
                (true, _) => "block".to_owned(),
            };
            name = name.replacen(token, &word, 1);
        }
        name.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
