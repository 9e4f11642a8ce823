//! A list of any length, held one page at a time.
//!
//! Only the page on the screen is in memory, however long the list is: 100,000 meters cost as much
//! as fifty. Walking over an end asks for the neighbouring page; the keys of the pages walked
//! through are kept, so that the way back is known.

/// Rows asked for at a time.
pub const PAGE: usize = 50;

/// What a move led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn<K> {
    /// Nothing, or only the selection moved.
    Here,
    /// The page behind this key must be asked for (`None`: the first page).
    Ask(Option<K>),
}

/// The page shown, the selection, and the way back.
#[derive(Debug, Clone)]
pub struct Pager<R, K> {
    rows: Option<Vec<R>>,
    more: bool,
    cursor: usize,
    anchors: Vec<K>,
    key: fn(&R) -> K,
    waiting: bool,
    land_at_end: bool,
}

impl<R, K: Copy + PartialEq> Pager<R, K> {
    /// A list whose rows are continued after their `key`.
    pub fn new(key: fn(&R) -> K) -> Self {
        Self {
            rows: None,
            more: false,
            cursor: 0,
            anchors: Vec::new(),
            key,
            waiting: true,
            land_at_end: false,
        }
    }

    /// Back to an empty beginning; the first page must be asked for.
    pub fn restart(&mut self) {
        *self = Self::new(self.key);
    }

    /// The rows of the page; `None` before the first answer.
    pub fn rows(&self) -> Option<&[R]> {
        self.rows.as_deref()
    }

    /// The selected row.
    pub fn selected(&self) -> Option<&R> {
        self.rows.as_ref()?.get(self.cursor)
    }

    /// The selected row's place on the page.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Selects a row of this page, if there are so many.
    pub fn pick(&mut self, place: usize) {
        if self.rows.as_ref().is_some_and(|rows| place < rows.len()) {
            self.cursor = place;
        }
    }

    /// The key this page begins behind; `None` for the first page.
    pub fn anchor(&self) -> Option<K> {
        self.anchors.last().copied()
    }

    /// The number of this page, from 1.
    pub fn page(&self) -> usize {
        self.anchors.len() + 1
    }

    /// Whether another page follows.
    pub fn more(&self) -> bool {
        self.more
    }

    /// Takes an answer, if it is the page that is shown or waited for; tells whether it was.
    pub fn set(&mut self, anchor: Option<K>, rows: Vec<R>, more: bool) -> bool {
        if anchor != self.anchor() {
            return false;
        }
        let last = rows.len().saturating_sub(1);
        self.cursor = if self.land_at_end { last } else { self.cursor.min(last) };
        (self.rows, self.more) = (Some(rows), more);
        (self.waiting, self.land_at_end) = (false, false);
        true
    }

    /// Moves the selection by so many rows, over page ends.
    pub fn step(&mut self, by: isize) -> Turn<K> {
        let count = self.rows.as_ref().map_or(0, Vec::len);
        if self.waiting || count == 0 {
            return Turn::Here;
        }
        let last = count - 1;
        let wanted = self.cursor.saturating_add_signed(by);
        if by > 0 && self.cursor == last && self.more {
            return self.next_page();
        }
        if by < 0 && self.cursor == 0 && !self.anchors.is_empty() {
            self.anchors.pop();
            (self.waiting, self.land_at_end) = (true, true);
            return Turn::Ask(self.anchor());
        }
        self.cursor = wanted.min(last);
        Turn::Here
    }

    fn next_page(&mut self) -> Turn<K> {
        let Some(last) = self.rows.as_ref().and_then(|rows| rows.last()) else { return Turn::Here };
        self.anchors.push((self.key)(last));
        (self.cursor, self.waiting) = (0, true);
        Turn::Ask(self.anchor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A list of the numbers 0..n behind a pager, as the engine would answer.
    fn answer(pager: &mut Pager<u32, u32>, n: u32, page: u32) {
        let from = pager.anchor().map_or(0, |after| after + 1);
        let rows: Vec<u32> = (from..n.min(from + page)).collect();
        let more = from + page < n;
        assert!(pager.set(pager.anchor(), rows, more));
    }

    #[test]
    fn walking_down_and_up_visits_every_row_once() {
        let (n, page) = (23, 5);
        let mut pager = Pager::new(|row: &u32| *row);
        answer(&mut pager, n, page);
        let mut seen = vec![*pager.selected().unwrap()];
        for _ in 1..n {
            if let Turn::Ask(_) = pager.step(1) {
                answer(&mut pager, n, page);
            }
            seen.push(*pager.selected().unwrap());
        }
        assert_eq!(seen, (0..n).collect::<Vec<_>>());
        assert_eq!(pager.step(1), Turn::Here, "the end is the end");
        for expected in (0..n - 1).rev() {
            if let Turn::Ask(_) = pager.step(-1) {
                answer(&mut pager, n, page);
            }
            assert_eq!(pager.selected(), Some(&expected));
        }
        assert_eq!(pager.step(-1), Turn::Here);
    }

    #[test]
    fn an_answer_to_an_older_question_is_not_taken() {
        let mut pager = Pager::new(|row: &u32| *row);
        answer(&mut pager, 20, 5);
        pager.step(4);
        assert_eq!(pager.step(1), Turn::Ask(Some(4)));
        assert!(!pager.set(None, vec![0, 1], true));
        assert_eq!(pager.step(1), Turn::Here, "no second question while one is waited for");
        assert!(pager.set(Some(4), vec![5, 6], false));
        assert_eq!(pager.selected(), Some(&5));
    }

    #[test]
    fn a_shorter_page_pulls_the_selection_in() {
        let mut pager = Pager::new(|row: &u32| *row);
        answer(&mut pager, 5, 5);
        pager.step(4);
        assert!(pager.set(None, vec![1], false));
        assert_eq!(pager.selected(), Some(&1));
        assert!(pager.set(None, vec![], false));
        assert_eq!(pager.selected(), None);
        assert_eq!(pager.step(1), Turn::Here);
    }

    proptest! {
        #[test]
        fn the_selection_is_always_a_row(steps in prop::collection::vec(-9isize..9, 0..60)) {
            let mut pager = Pager::new(|row: &u32| *row);
            answer(&mut pager, 37, 7);
            for step in steps {
                if let Turn::Ask(_) = pager.step(step) {
                    answer(&mut pager, 37, 7);
                }
                prop_assert!(pager.selected().is_some());
            }
        }
    }
}
