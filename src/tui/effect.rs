//! What `update` asks the world to do. Only `run.rs` carries it out.

use crate::jobs::views::Request;

/// Something that leaves the state machine.
#[derive(Debug)]
pub enum Effect<Q = Request> {
    /// Ask the engine.
    Ask(Q),
    /// Draw every cell anew: another screen, or something else wrote to the terminal. Wide glyphs
    /// may otherwise leave halves behind (ratatui#2652).
    Repaint,
    /// Leave the program.
    Quit,
}
