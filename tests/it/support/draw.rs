//! Screens as text, and as snapshots: both sizes, both languages, without and with colours.

use meterkit::text::Lang;
use meterkit::tui::theme::Palette;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use unicode_width::UnicodeWidthStr;

/// The cells as text, each wide glyph once, without trailing spaces.
pub fn screen_text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut text = String::new();
    for row in buffer.content.chunks(width) {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(cell.symbol());
            skip = cell.symbol().width().saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Runs of cells with another style than the plain one: `row column+cells style`.
pub fn style_text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut text = String::new();
    for (y, row) in buffer.content.chunks(width).enumerate() {
        let mut x = 0;
        while x < row.len() {
            let style = (row[x].fg, row[x].bg, row[x].modifier);
            let cells = row[x..].iter().take_while(|c| (c.fg, c.bg, c.modifier) == style).count();
            if style.0 != Color::Reset || !style.2.is_empty() {
                text.push_str(&format!("{y:>2} {x:>2}+{cells:<3} {:?} {:?}\n", style.0, style.2));
            }
            assert_eq!(style.1, Color::Reset, "a background was set");
            x += cells;
        }
    }
    text
}

/// How a scene is drawn: language, colours, columns, rows.
pub type Draw<'a> = &'a dyn Fn(Lang, Palette, u16, u16) -> Buffer;

/// Keeps a scene in `fixtures/screens`. Unless it names the palette, nothing but the styles may
/// depend on that.
pub fn keep(name: &str, same_words: bool, draw: Draw<'_>) {
    keep_as(name, same_words, draw, &|text| text);
}

/// The same with what is random in the text made the same in every run.
pub fn keep_as(name: &str, same_words: bool, draw: Draw<'_>, steady: &dyn Fn(String) -> String) {
    for (width, height) in [(40, 20), (80, 24)] {
        for lang in Lang::ALL {
            let shown =
                [Palette::Mono, Palette::Sixteen].map(|palette| draw(lang, palette, width, height));
            let [mono, colour] = &shown;
            let words = |buffer| steady(screen_text(buffer));
            let same = !same_words || words(mono) == words(colour);
            assert!(same, "{name}: colour changes words");
            for cell in &mono.content {
                assert_eq!(cell.fg, Color::Reset, "{name}: colour in mono");
            }
            let kept = format!(
                "{}-- without colours\n{}-- with colours\n{}",
                words(mono),
                style_text(mono),
                style_text(colour)
            );
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path("../../../fixtures/screens");
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            let file = format!("{name}_{width}x{height}_{}", lang.tag());
            settings.bind(|| insta::assert_snapshot!(file, kept));
        }
    }
}
