//! Cutting, padding and wrapping text by terminal cells.
//!
//! ratatui wraps at spaces only and `format!` pads by characters, so Chinese comes out ragged and
//! two cells too wide. Here everything is counted in cells per grapheme, lines may break between
//! Chinese characters, and punctuation that must not start or end a line stays with its neighbour.
//!
//! Limits: left-to-right text; control characters (a customer's name may hold anything) are shown
//! as `?` so that nothing outside can steer the terminal or push a column out of line.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Shown in the last cell of a text that was cut.
const CUT: &str = "~";

/// Punctuation that must not start a line (GB/T 15834-2011, 5.1.7, and its ASCII twins).
const NOT_FIRST: &str = concat!(
    "\u{FF0C}\u{3002}\u{3001}\u{FF1B}\u{FF1A}\u{FF1F}\u{FF01}\u{FF09}\u{300D}",
    "\u{300F}\u{300B}\u{3011}\u{3009}\u{FF05}",
    ",.;:?!)]}%",
);

/// Punctuation that must not end a line.
const NOT_LAST: &str = "\u{FF08}\u{300C}\u{300E}\u{300A}\u{3010}\u{3008}([{";

/// Cells of the widest character a terminal draws.
const WIDEST: usize = 2;

/// The width of a text in cells.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(cells).sum()
}

/// Width of one grapheme as it is shown.
fn cells(grapheme: &str) -> usize {
    shown(grapheme).width()
}

/// A grapheme as it is shown. Control characters, stacks of marks wider than any cell pair, and
/// marks without a letter, which would cling to whatever is put beside them, are a `?`.
fn shown(grapheme: &str) -> &str {
    let control = grapheme.chars().any(char::is_control);
    let clings = || {
        let between = format!(" {grapheme} ");
        between.graphemes(true).count() != 3
    };
    let bad = control || grapheme.width() > WIDEST || (!grapheme.is_ascii() && clings());
    if bad { "?" } else { grapheme }
}

/// The same text without control characters.
pub fn clean(text: &str) -> String {
    text.graphemes(true).map(shown).collect()
}

/// The text cut to at most `max` cells; a cut is marked with `~`.
pub fn truncate(text: &str, max: usize) -> String {
    if width(text) <= max {
        return clean(text);
    }
    if max == 0 {
        return String::new();
    }
    let mut kept = head(text, max - 1);
    kept.push_str(CUT);
    kept
}

/// As many whole graphemes as fit into `max` cells, without a mark.
pub fn head(text: &str, max: usize) -> String {
    let mut used = 0;
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        if used + cells(grapheme) > max {
            break;
        }
        used += cells(grapheme);
        kept.push_str(shown(grapheme));
    }
    kept
}

/// The text cut or filled with spaces on the right to exactly `to` cells.
pub fn pad(text: &str, to: usize) -> String {
    let mut text = truncate(text, to);
    text.push_str(&" ".repeat(to - width(&text)));
    text
}

/// The text cut or filled with spaces on the left to exactly `to` cells.
pub fn pad_left(text: &str, to: usize) -> String {
    let text = truncate(text, to);
    format!("{}{text}", " ".repeat(to - width(&text)))
}

/// Text that must stay on one line, and whether a space stood before it.
struct Atom {
    text: String,
    width: usize,
    spaced: bool,
}

/// Breaks a text into lines of at most `max` cells. Line feeds in it are kept as breaks.
///
/// A text without words gives one empty line; `max` below 2 is taken as 2, the width of one
/// Chinese character.
pub fn wrap(text: &str, max: usize) -> Vec<String> {
    let max = max.max(WIDEST);
    text.split('\n').flat_map(|line| fill(atoms(line, max), max)).collect()
}

/// Puts atoms into lines, first fit.
fn fill(atoms: Vec<Atom>, max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for atom in atoms {
        let gap = usize::from(atom.spaced && used > 0);
        if used > 0 && used + gap + atom.width > max {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if atom.spaced && used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&atom.text);
        used += atom.width;
    }
    lines.push(line);
    lines
}

/// Splits a line into what may not be broken.
fn atoms(line: &str, max: usize) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    let mut spaced = false;
    let mut previous = "";
    for grapheme in line.graphemes(true) {
        if grapheme == " " {
            spaced = true;
            previous = grapheme;
            continue;
        }
        let size = cells(grapheme);
        let glued = !spaced && !atoms.is_empty() && stays_together(previous, grapheme);
        match atoms.last_mut() {
            Some(atom) if glued && atom.width + size <= max => {
                atom.text.push_str(shown(grapheme));
                atom.width += size;
            }
            _ => atoms.push(Atom { text: shown(grapheme).to_owned(), width: size, spaced }),
        }
        spaced = false;
        previous = grapheme;
    }
    atoms
}

/// Whether no line may end between two graphemes.
fn stays_together(left: &str, right: &str) -> bool {
    let narrow = cells(left) < 2 && cells(right) < 2;
    narrow || NOT_FIRST.contains(right) || NOT_LAST.contains(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chinese_breaks_anywhere_but_before_a_full_stop() {
        assert_eq!(wrap("电表没有应答。", 12), ["电表没有应", "答。"]);
        assert_eq!(wrap("OK 令牌已导入，请同步。", 10), ["OK 令牌已", "导入，请同", "步。"]);
        assert_eq!(wrap("打开「情况查明」后再读", 6), ["打开", "「情况", "查明」", "后再读"]);
    }

    #[test]
    fn words_stay_whole_when_they_fit() {
        assert_eq!(wrap("The meter did not answer.", 10), ["The meter", "did not", "answer."]);
        assert_eq!(wrap("/dev/serial/by-id/usb", 8), ["/dev/ser", "ial/by-i", "d/usb"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("a\nb", 10), ["a", "b"]);
    }

    #[test]
    fn cutting_is_exact_and_marked() {
        assert_eq!(truncate("电表", 4), "电表");
        assert_eq!(truncate("电表箱", 4), "电~");
        assert_eq!(pad("电表箱", 4), "电~ ");
        assert_eq!(pad("电表", 7), "电表   ");
        assert_eq!(pad_left("电表", 7), "   电表");
        assert_eq!(truncate("abc", 0), "");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(clean("Li\u{1b}[2J\u{7}"), "Li?[2J?");
        assert_eq!(pad("a\tb", 4), "a?b ");
        assert!(!wrap("a\u{1b}b \u{9b}c", 3).concat().contains(char::is_control));
    }

    #[test]
    fn a_stack_of_marks_takes_no_more_than_a_cell_pair() {
        // A wide ideograph with a spacing mark is one grapheme of three cells (found by proptest).
        let stack = "\u{20000}\u{9CB}";
        assert_eq!(wrap(stack, 2), ["?"]);
        assert_eq!(width(stack), 1);
        // A mark without a letter must not cling to the padding before it.
        assert_eq!(pad_left("\u{DD8}\u{AC9}", 3), "  ?");
    }

    proptest! {
        #[test]
        fn wrapped_lines_never_exceed_the_width(text in "\\PC{0,80}", max in 2usize..50) {
            for line in wrap(&text, max) {
                prop_assert!(width(&line) <= max, "{:?} in {}", line, max);
            }
        }

        #[test]
        fn wrapping_loses_only_spaces(text in "[a-z ，。电表（）]{0,60}", max in 2usize..20) {
            let without = |s: &str| s.replace(' ', "");
            prop_assert_eq!(without(&wrap(&text, max).concat()), without(&text));
        }

        #[test]
        fn padding_is_exact(text in any::<String>(), to in 0usize..50) {
            prop_assert_eq!(width(&pad(&text, to)), to);
            prop_assert_eq!(width(&pad_left(&text, to)), to);
            prop_assert!(width(&head(&text, to)) <= to);
        }
    }
}
