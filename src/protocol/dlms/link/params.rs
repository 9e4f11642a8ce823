//! What both ends of a link agree on in SNRM and UA: information bytes a frame may have.

use super::super::reader::Reader;

/// What holds where nothing is said.
const DEFAULT: u16 = 128;
/// Less than this nobody may ask for.
const LEAST: u16 = 32;
/// Most information we take in one frame: the answer and our echo must fit into what is kept of an
/// answering time.
pub const INFO_MAX: u16 = 512;

/// The agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    send: u16,
    receive: u16,
}

impl Default for Params {
    fn default() -> Self {
        Self { send: DEFAULT, receive: DEFAULT }
    }
}

impl Params {
    /// Information bytes a frame of ours may have.
    pub fn send_max(self) -> usize {
        usize::from(self.send)
    }

    /// Information bytes to reckon with in a frame of the meter's. Meters that ignore what was
    /// agreed are heard all the same.
    pub fn receive_max(self) -> usize {
        usize::from(self.receive.max(DEFAULT))
    }
}

/// The parameters in SNRM: none where the defaults will do.
pub fn snrm_info(offer: u16) -> Vec<u8> {
    let offer = offer.clamp(LEAST, INFO_MAX);
    if offer == DEFAULT {
        return Vec::new();
    }
    let [high, low] = offer.to_be_bytes();
    // Format 81, group 80, length; most to send, most to receive, both windows one.
    let mut info = vec![0x81, 0x80, 0x14, 0x05, 0x02, high, low, 0x06, 0x02, high, low];
    info.extend([0x07, 0x04, 0, 0, 0, 1, 0x08, 0x04, 0, 0, 0, 1]);
    info
}

/// The four parameters as they stand in SNRM or UA: most to send and to receive, window to send and
/// to receive; from the sender's side.
pub fn read(info: &[u8]) -> Option<[Option<u32>; 4]> {
    let mut reader = Reader::new(info);
    let mut found = [None; 4];
    if reader.array().ok()? != [0x81, 0x80] {
        return None;
    }
    let mut inside = Reader::new(reader.counted().ok()?);
    while !inside.is_empty() {
        let (tag, value) = (inside.byte().ok()?, inside.counted().ok()?);
        let number = value
            .iter()
            .try_fold(0u32, |sum, byte| Some(sum.checked_mul(256)? | u32::from(*byte)))?;
        let slot = usize::from(tag).checked_sub(5).and_then(|index| found.get_mut(index));
        if let Some(slot) = slot {
            *slot = Some(number);
        }
    }
    Some(found)
}

/// What a UA makes of our offer. Nothing said: the defaults.
pub fn read_ua(info: &[u8], offer: u16) -> Params {
    let offer = offer.clamp(LEAST, INFO_MAX);
    let [send, receive, ..] = read(info).unwrap_or_default();
    let size = |said: Option<u32>| {
        said.and_then(|said| u16::try_from(said).ok()).unwrap_or(DEFAULT).max(LEAST)
    };
    // The meter's "receive" bounds what we send. Some swap the two: the smaller is right anyway.
    Params { send: size(receive).min(size(send)).min(offer), receive: size(send) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_meter_says_bounds_what_is_sent() {
        let ua = |send: u8, receive: u8| vec![0x81, 0x80, 0x06, 5, 1, send, 6, 1, receive];
        assert_eq!(read_ua(&[], 512), Params { send: 128, receive: 128 });
        assert_eq!(read_ua(&ua(200, 64), 512), Params { send: 64, receive: 200 });
        assert_eq!(read_ua(&ua(0, 1), 512), Params { send: 32, receive: 32 });
        assert_eq!(read_ua(&ua(255, 255), 64).send, 64, "never more than was offered");
        assert_eq!(read_ua(&[0x81, 0x80, 0x7F, 5], 512), Params::default());
        assert_eq!(read(&[0x81, 0x80, 0x07, 5, 5, 9, 9, 9, 9, 9]), None, "no number of five bytes");
        assert_eq!(snrm_info(128), Vec::<u8>::new());
        assert_eq!(read(&snrm_info(9999)), Some([Some(512), Some(512), Some(1), Some(1)]));
    }
}
