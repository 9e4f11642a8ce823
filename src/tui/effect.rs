//! What `update` asks the world to do. Only `tui.rs` carries it out.

use crate::jobs::views::Request;

/// Something that leaves the state machine.
#[derive(Debug)]
pub enum Effect {
    /// Ask the engine.
    Ask(Request),
    /// Draw every cell anew: another screen, or something else wrote to the terminal. Wide glyphs
    /// may otherwise leave halves behind (ratatui#2652).
    Repaint,
    /// Leave the program.
    Quit,
}
