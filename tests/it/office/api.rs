//! The API from outside: what the OpenAPI document says and what the server does, both ways; who
//! watches it, who attacks it, how it stops, and how it is backed up and restored.

mod backup;
mod document;
mod fences;
mod hostile;
mod killed;
mod raw;
mod restored;
mod sticks;
mod stop;
mod watch;
