//! How a table of keys is written down: the patterns by short names, and rows place by place.

use super::Pattern;
use crate::tui::event::Key;

/// `F1`.
pub const F1: Pattern = Pattern::Is(Key::F(1));
/// `F2`.
pub const F2: Pattern = Pattern::Is(Key::F(2));
/// `F3`.
pub const F3: Pattern = Pattern::Is(Key::F(3));
/// `F4`.
pub const F4: Pattern = Pattern::Is(Key::F(4));
/// `ENTER`.
pub const ENTER: Pattern = Pattern::Is(Key::Enter);
/// `ESC`.
pub const ESC: Pattern = Pattern::Is(Key::Esc);
/// `UP`.
pub const UP: Pattern = Pattern::Is(Key::Up);
/// `DOWN`.
pub const DOWN: Pattern = Pattern::Is(Key::Down);
/// `PAGE_UP`.
pub const PAGE_UP: Pattern = Pattern::Is(Key::PageUp);
/// `PAGE_DOWN`.
pub const PAGE_DOWN: Pattern = Pattern::Is(Key::PageDown);
/// `LEFT`.
pub const LEFT: Pattern = Pattern::Is(Key::Left);
/// `RIGHT`.
pub const RIGHT: Pattern = Pattern::Is(Key::Right);
/// `BACKSPACE`.
pub const BACKSPACE: Pattern = Pattern::Is(Key::Backspace);
/// `DIGIT`.
pub const DIGIT: Pattern = Pattern::Digit;
/// `TEXT`.
pub const TEXT: Pattern = Pattern::Text;

/// Makes rows, place by place; `Binding`, `Place` and `Action` are those of the table's file.
macro_rules! bindings {
    ($($place:ident { $($key:ident => $action:ident, $needs:expr;)* })*) => {
        &[$($(Binding {
            place: Place::$place,
            key: $key,
            action: Action::$action,
            needs: $needs,
        },)*)*]
    };
}
pub(crate) use bindings;
