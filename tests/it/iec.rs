//! IEC 62056-21 from outside: golden frames, bad lines, hostile meters, the change of speed, the
//! simulated meter, parity in software, a peer.

mod bad_lines;
mod frames;
mod hostile;
mod peer;
mod peers;
mod seven;
mod speed;
mod station;
