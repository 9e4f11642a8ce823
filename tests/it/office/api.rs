//! The API from outside: what the OpenAPI document says and what the server does, both ways; who
//! watches it, who attacks it, how it stops, and how it is backed up and restored.

mod backup;
mod document;
mod hostile;
mod raw;
mod restored;
mod stop;
mod watch;
