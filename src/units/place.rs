//! Where a meter hangs: line, box and user, and what the bus calls it.

/// The address model (line, box, user) of `docs/architecture.md`: one physical box can be many
/// meters. Everything may be empty: then the meter answers to its own number on the chosen line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BusPlace {
    /// The line it hangs on, as a port address (`tcp://10.0.0.7:4001`); empty: the chosen one.
    pub line: String,
    /// The name of the multi-user terminal it is a part of; empty: it is a box of its own.
    pub terminal: String,
    /// Its place in that terminal, from 1; 0 outside a terminal.
    pub user: u8,
    /// What the bus calls it, in its protocol's own form; empty: the meter's number.
    pub address: String,
}
