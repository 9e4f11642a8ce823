//! QR codes in a terminal: two modules in each cell, one above the other, as half blocks.
//!
//! A dark module is drawn as the terminal's background and a light one as its foreground, because
//! most terminals are light on dark; scanners read both kinds since ISO/IEC 18004:2006.

use qrcode::types::{Color, EcLevel};
use qrcode::{QrCode, Version};

/// Light modules around a code. The standard wants four; scanners of today need one.
const QUIET: usize = 1;
/// Modules of the smallest code, and what each version adds (ISO/IEC 18004, 6.1).
const SMALLEST: usize = 21;
const STEP: usize = 4;
/// Largest version that is tried: beyond it no terminal has the rows.
const LARGEST: i16 = 25;

/// The lines of a code; `None` for more text than a code of the largest size holds.
pub fn lines(text: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let light = |row: usize, column: usize| {
        let inside =
            (QUIET..QUIET + width).contains(&row) && (QUIET..QUIET + width).contains(&column);
        !inside || colors[(row - QUIET) * width + column - QUIET] == Color::Light
    };
    let side = width + 2 * QUIET;
    let line = |row: usize| {
        let cell =
            |column: usize| match (light(row, column), row + 1 < side && light(row + 1, column)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            };
        (0..side).map(cell).collect()
    };
    Some((0..side).step_by(2).map(line).collect())
}

/// The longest token text whose code fits a page of so many columns and rows; 0 if none does.
pub fn room(columns: usize, rows: usize) -> usize {
    let side = columns.min(rows * 2).saturating_sub(2 * QUIET);
    if side < SMALLEST {
        return 0;
    }
    let version = i16::try_from((side - SMALLEST) / STEP + 1).unwrap_or(LARGEST).min(LARGEST);
    let fits = |length: &usize| {
        // The characters that cost most in alphanumeric mode are as long as all others.
        let text = "A".repeat(*length);
        QrCode::with_version(text, Version::Normal(version), EcLevel::L).is_ok()
    };
    // Between nothing and what the largest version holds (ISO/IEC 18004, table 7).
    let (mut low, mut high) = (0usize, 1853);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(&middle) { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_as_large_as_the_standard_says() {
        // Version 1-L holds 25 alphanumeric characters, version 7-L 224 (table 7).
        let small = lines(&"A".repeat(25)).unwrap();
        assert_eq!(small[0].chars().count(), 21 + 2);
        assert_eq!(small.len(), 12);
        assert!(small[0].chars().all(|c| c != ' '), "the quiet zone is light");
        assert_eq!(lines(&"A".repeat(26)).unwrap()[0].chars().count(), 25 + 2);
        assert_eq!(room(80, 24), 224, "45 modules and the quiet zone fit 24 rows");
        assert_eq!(room(40, 20), 154, "37 modules fit 40 columns");
        assert_eq!(room(20, 20), 0);
        assert!(lines(&"A".repeat(5000)).is_none());
    }

    /// The finder pattern, read back from the half blocks: the code is not upside down, inverted
    /// once too often or cut.
    #[test]
    fn its_corner_is_the_finder_pattern() {
        let lines = lines("MK1:HELLO").unwrap();
        let dark = |row: usize, column: usize| {
            let cell = lines[row / 2].chars().nth(column).unwrap();
            let light = match cell {
                '\u{2588}' => true,
                '\u{2580}' => row.is_multiple_of(2),
                '\u{2584}' => !row.is_multiple_of(2),
                _ => false,
            };
            !light
        };
        let want = ["#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"];
        for (row, want) in want.iter().enumerate() {
            let got: String =
                (0..7).map(|c| if dark(row + QUIET, c + QUIET) { '#' } else { ' ' }).collect();
            assert_eq!(got, *want, "row {row}");
        }
    }
}
