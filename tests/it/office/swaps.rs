//! Swaps from the office's side: the leave, the way to the handheld, and what the journal of the
//! swap does to the books and the list, in whatever pieces and order it comes.

mod keys;
mod leave;
mod odd;
mod pieces;
mod whole;
pub mod yard;

/// Words are kept in one place and reasons in another: none is left without the other.
#[test]
fn every_word_for_a_swap_is_one_the_office_says() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/office");
    let sources = ["swap/follow.rs", "entry.rs"].map(|name| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    let missing = meterkit::text::conflict::WHYS.iter().filter(|words| {
        let said = format!("\"{}\"", words.en);
        !sources.iter().any(|source| source.contains(&said))
    });
    assert_eq!(missing.map(|words| words.en).collect::<Vec<_>>(), [""; 0]);
    for class in ["C1", "C3", "C4", "C5", "C7", "C8", "C10"] {
        let words = meterkit::text::conflict::class(class);
        assert_ne!(words, meterkit::text::conflict::class("?"), "{class}");
    }
}
