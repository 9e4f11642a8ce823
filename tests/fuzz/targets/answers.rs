//! What a DL/T 645 line brings: answers to recharges, debits and reads, in whatever pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meterkit::protocol::dlt645::frame::Decoder;

fuzz_target!(|data: &[u8]| {
    let [cut, rest @ ..] = data else { return };
    let (mut whole, mut parts) = (Decoder::new(), Decoder::new());
    whole.push(rest);
    let found: Vec<_> = whole.flatten().collect();
    // In pieces it is the same, and a frame that was found is found again when it is sent.
    let mut again = Vec::new();
    for piece in rest.chunks(usize::from(*cut).max(1)) {
        parts.push(piece);
        again.extend(parts.by_ref().flatten());
    }
    assert_eq!(again, found);
    for frame in found {
        let mut decoder = Decoder::new();
        decoder.push(&frame.encode(frame.preamble));
        assert_eq!(decoder.flatten().next(), Some(frame));
    }
});
