//! Modbus from outside: golden frames, bad lines, hostile meters, the simulated meter, peers.

mod bad_lines;
mod frames;
mod hostile;
mod peer;
mod peers;
mod station;
