//! A phasor drawing: voltages and currents as arrows from a common point, named by letters.
//!
//! It is drawn with braille dots, eight to a cell, or with ASCII where a console has none. Voltages
//! are drawn full length and thin, currents shorter and thick, each with its name at the tip (`Ua`,
//! `Ib`): no colour is needed to tell them apart. Voltages stand where they should, A upwards and
//! the others clockwise behind it; currents where they were measured.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// One arrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    /// What stands at its tip.
    pub name: String,
    /// How far clockwise from straight up, 0.1 degree.
    pub angle: i32,
    /// Its length, percent of the longest.
    pub percent: u16,
    /// Drawn thick.
    pub current: bool,
}

/// A drawing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phasor {
    /// Its arrows.
    pub arrows: Vec<Arrow>,
}

/// Shortest arrow that is still seen, percent.
const SHORTEST: i64 = 30;
/// Longest arrow of a current, percent of a voltage's.
const CURRENT_MOST: i64 = 75;
/// Braille dots of a cell, across and down.
const DOTS: (usize, usize) = (2, 4);
/// Bits of a braille cell by column and row.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

impl Phasor {
    /// The drawing of a meter's elements: voltages in 0.1 V, currents in mA, and the angle from
    /// current to voltage in 0.1 degree. `backwards`: the voltages follow each other the other way
    /// round.
    pub fn of(
        volts: [Option<i64>; 3],
        amps: [Option<i64>; 3],
        angles: [Option<i64>; 3],
        backwards: bool,
    ) -> Self {
        let most = |values: &[Option<i64>; 3]| values.iter().flatten().copied().max().unwrap_or(0);
        let (highest, strongest) = (most(&volts), most(&amps));
        let mut arrows = Vec::new();
        for (at, letter) in [(0i32, 'a'), (1, 'b'), (2, 'c')] {
            let nth = usize::try_from(at).unwrap_or(0);
            let of = |values: &[Option<i64>; 3]| values.get(nth).copied().flatten().unwrap_or(0);
            let own = if backwards { -1200 * at } else { 1200 * at };
            let part = |value: i64, of: i64, most: i64| {
                let part = value.max(0) * most / of.max(1);
                u16::try_from(part.clamp(SHORTEST, most)).unwrap_or(100)
            };
            if of(&volts) > 0 {
                let percent = part(of(&volts), highest, 100);
                let name = format!("U{letter}");
                arrows.push(Arrow { name, angle: own, percent, current: false });
            }
            if of(&amps) > 0
                && let Some(angle) = angles.get(nth).copied().flatten()
            {
                let angle = own + i32::try_from(angle).unwrap_or(0);
                let percent = part(of(&amps), strongest, CURRENT_MOST);
                arrows.push(Arrow { name: format!("I{letter}"), angle, percent, current: true });
            }
        }
        Self { arrows }
    }

    /// The drawing as lines of so many cells. `ascii`: without braille.
    pub fn lines(&self, width: u16, height: u16, ascii: bool) -> Vec<String> {
        let (width, height) = (usize::from(width), usize::from(height));
        if width < 12 || height < 6 {
            return vec![String::new(); height];
        }
        let mut cells = vec![vec![' '; width]; height];
        let per = if ascii { (1, 1) } else { DOTS };
        let mut dots = vec![vec![false; width * per.0]; height * per.1];
        // A cell is about twice as high as wide; two cells at each side are for the names.
        let middle = (width as f64 / 2.0, height as f64 / 2.0);
        let radius = (middle.1 - 1.0).min((middle.0 - 3.0) / 2.0);
        let mut names = Vec::new();
        for arrow in &self.arrows {
            let turn = (f64::from(arrow.angle) / 10.0).to_radians();
            let (right, up) = (turn.sin() * 2.0, turn.cos());
            let at = |part: f64| {
                let long = radius * part * f64::from(arrow.percent) / 100.0;
                (middle.0 + right * long, middle.1 - up * long)
            };
            let steps = (radius * 2.0) as usize * per.0.max(per.1) * 2;
            for step in 0..=steps {
                let (x, y) = at(step as f64 / steps.max(1) as f64);
                if ascii {
                    let mark = if arrow.current { '*' } else { stroke(right, up) };
                    put(&mut cells, x, y, mark);
                } else {
                    dot(&mut dots, x * per.0 as f64, y * per.1 as f64, arrow.current);
                }
            }
            names.push((at(1.0 + 1.0 / radius), arrow.name.as_str()));
        }
        if !ascii {
            braille(&mut cells, &dots);
        }
        put(&mut cells, middle.0, middle.1, '+');
        for ((x, y), name) in names {
            label(&mut cells, x, y, name);
        }
        cells.into_iter().map(|row| row.into_iter().collect::<String>()).collect()
    }

    /// Draws into a buffer.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, ascii: bool) {
        let lines = self.lines(area.width, area.height, ascii);
        for (row, line) in (area.y..area.bottom()).zip(lines) {
            buffer.set_string(area.x, row, line, Style::default());
        }
    }
}

/// The stroke nearest to a direction.
fn stroke(right: f64, up: f64) -> char {
    let steep = up.abs() / right.abs().max(0.001);
    match (steep > 2.0, steep < 0.3, right * up > 0.0) {
        (true, ..) => '|',
        (_, true, _) => '-',
        (_, _, true) => '/',
        _ => '\\',
    }
}

fn put(cells: &mut [Vec<char>], x: f64, y: f64, mark: char) {
    let (x, y) = (x.floor().max(0.0) as usize, y.floor().max(0.0) as usize);
    if let Some(cell) = cells.get_mut(y).and_then(|row| row.get_mut(x)) {
        *cell = mark;
    }
}

fn dot(dots: &mut [Vec<bool>], x: f64, y: f64, thick: bool) {
    let (x, y) = (x.floor().max(0.0) as usize, y.floor().max(0.0) as usize);
    let around: &[(usize, usize)] =
        if thick { &[(0, 0), (1, 0), (0, 1), (1, 1)] } else { &[(0, 0)] };
    for (right, down) in around {
        if let Some(dot) = dots.get_mut(y + down).and_then(|row| row.get_mut(x + right)) {
            *dot = true;
        }
    }
}

/// Eight dots become one cell.
fn braille(cells: &mut [Vec<char>], dots: &[Vec<bool>]) {
    for (y, row) in cells.iter_mut().enumerate() {
        for (x, cell) in row.iter_mut().enumerate() {
            let mut bits = 0u32;
            for (right, column) in BITS.iter().enumerate() {
                for (down, bit) in column.iter().enumerate() {
                    let line = dots.get(y * DOTS.1 + down);
                    let set = line.and_then(|line| line.get(x * DOTS.0 + right));
                    bits |= if set == Some(&true) { u32::from(*bit) } else { 0 };
                }
            }
            if bits > 0 {
                *cell = char::from_u32(0x2800 + bits).unwrap_or('.');
            }
        }
    }
}

/// A name at a place, where nothing else is named: else a row away from it.
fn label(cells: &mut [Vec<char>], x: f64, y: f64, name: &str) {
    let (wide, high) = (cells.first().map_or(0, Vec::len), cells.len());
    let long = name.len();
    let x = (x.floor().max(0.0) as usize).saturating_sub(long / 2).min(wide.saturating_sub(long));
    let y = (y.floor().max(0.0) as usize).min(high.saturating_sub(1));
    let named = |cells: &[Vec<char>], row: usize| {
        let row =
            cells.get(row).and_then(|row| row.get(x.saturating_sub(1)..(x + long + 1).min(wide)));
        row.is_none_or(|part| part.iter().any(char::is_ascii_alphabetic))
    };
    let places = [y, y.wrapping_sub(1), y + 1, y.wrapping_sub(2), y + 2];
    let free = places.into_iter().find(|row| !named(cells, *row)).unwrap_or(y);
    if let Some(row) = cells.get_mut(free) {
        for (cell, letter) in row.iter_mut().skip(x).zip(name.chars()) {
            *cell = letter;
        }
    }
}
