//! Swaps from the office's side: the leave, the way to the handheld, and what the journal of the
//! swap does to the books and the list, in whatever pieces and order it comes.

mod leave;
mod odd;
mod pieces;
mod whole;
mod yard;
