//! Takes A-XDR apart, byte by byte, and never past its end.

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A length: one byte below 80H, else so many bytes of it.
    pub fn len(&mut self) -> Option<usize> {
        let first = self.u8()?;
        if first < 0x80 {
            return Some(usize::from(first));
        }
        let count = usize::from(first & 0x7F);
        if !(1..=4).contains(&count) {
            return None;
        }
        let bytes = self.take(count)?;
        bytes
            .iter()
            .try_fold(0_usize, |len, byte| len.checked_mul(256)?.checked_add(usize::from(*byte)))
    }

    /// A count of things that take at least `each` bytes; more than can follow is wrong at once.
    pub fn count(&mut self, each: usize) -> Option<usize> {
        let count = self.len()?;
        (count.checked_mul(each)? <= self.0.len()).then_some(count)
    }

    /// Bytes with their length in front.
    pub fn octets(&mut self) -> Option<&'a [u8]> {
        let len = self.len()?;
        self.take(len)
    }
}
