//! DLMS from outside: frames in words, conversations with a meter of its own over a line in virtual
//! time, and a program of others.

mod bad_lines;
mod conversations;
mod entry;
mod frames;
mod hostile;
mod line;
mod meter;
mod peer;
mod secret;
