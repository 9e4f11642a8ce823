//! A cursor over bytes that never runs past their end.

/// Why bytes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// They end too early.
    Short,
    /// A tag or a length that makes no sense here; what it was expected in.
    Odd(&'static str),
    /// More nesting or more parts than anybody sends.
    TooBig,
    /// A known thing that is not read here; its name.
    Unread(&'static str),
}

impl Fault {
    /// A stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "apdu_truncated",
            Self::Odd(what) | Self::Unread(what) => what,
            Self::TooBig => "too_big",
        }
    }
}

/// The bytes not read yet.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Fault::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N)?.try_into().map_err(|_| Fault::Short)
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, high first.
    pub fn word(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, high first.
    pub fn long(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    /// A length: one byte below 80H, else 8n and n bytes. More than four bytes is nobody's length.
    pub fn length(&mut self) -> Result<usize, Fault> {
        match self.byte()? {
            short @ 0..=0x7F => Ok(usize::from(short)),
            long @ 0x81..=0x84 => {
                let bytes = self.take(usize::from(long & 0x0F))?;
                Ok(bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
            }
            _ => Err(Fault::Odd("bad_apdu_length")),
        }
    }

    /// As many bytes as a length in front of them says.
    pub fn counted(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.length()?;
        self.take(length)
    }
}

/// Appends a length in the shortest form.
pub fn put_length(out: &mut Vec<u8>, length: usize) {
    let bytes = (length as u64).to_be_bytes();
    let used = bytes.iter().position(|byte| *byte != 0).map_or(1, |first| bytes.len() - first);
    if length >= 0x80 {
        out.push(0x80 | used as u8);
    }
    out.extend(bytes.iter().skip(bytes.len() - used));
}
