//! How often somebody may ask: one bucket for each name, filled slowly, emptied by requests.
//! Pure: the time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// What a bucket holds and how fast it fills.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Requests at once.
    pub burst: u32,
    /// Requests a second after that.
    pub per_second: u32,
}

/// One bucket: how much was left, and when.
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn now(&self, pace: Pace, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.left + since * f64::from(pace.per_second)).min(f64::from(pace.burst))
    }
}

/// The buckets of everybody who asked lately; never more than `most`.
pub(super) struct Buckets<K> {
    pace: Pace,
    most: usize,
    buckets: HashMap<K, Bucket>,
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    pub(super) fn new(pace: Pace, most: usize) -> Self {
        Self { pace, most, buckets: HashMap::new() }
    }

    /// Takes one request out of a bucket, or says how long to wait for the next.
    pub(super) fn take(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        if !self.buckets.contains_key(key) {
            self.make_room(now);
        }
        let full = Bucket { left: f64::from(self.pace.burst), at: now };
        let bucket = self.buckets.entry(key.clone()).or_insert(full);
        let left = bucket.now(self.pace, now);
        let (after, answer) = if left >= 1.0 {
            (left - 1.0, Ok(()))
        } else {
            let wait = (1.0 - left) / f64::from(self.pace.per_second.max(1));
            (left, Err(Duration::from_secs_f64(wait)))
        };
        *bucket = Bucket { left: after, at: now };
        answer
    }

    /// Forgets full buckets, which say nothing, and if that is not enough the one unused longest.
    fn make_room(&mut self, now: Instant) {
        if self.buckets.len() < self.most {
            return;
        }
        let pace = self.pace;
        self.buckets.retain(|_, bucket| bucket.now(pace, now) < f64::from(pace.burst));
        while self.buckets.len() >= self.most {
            let oldest = self.buckets.iter().min_by_key(|(_, bucket)| bucket.at);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            self.buckets.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { burst: 3, per_second: 2 };

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let (mut buckets, start) = (Buckets::new(PACE, 10), Instant::now());
        for _ in 0..3 {
            assert_eq!(buckets.take(&"a", start), Ok(()));
        }
        assert_eq!(buckets.take(&"a", start), Err(Duration::from_millis(500)));
        assert_eq!(buckets.take(&"b", start), Ok(()), "somebody else has a bucket of their own");
        let later = start + Duration::from_millis(500);
        assert_eq!(buckets.take(&"a", later), Ok(()));
        assert!(buckets.take(&"a", later).is_err());
        let much_later = start + Duration::from_secs(3600);
        for _ in 0..3 {
            assert_eq!(buckets.take(&"a", much_later), Ok(()));
        }
        assert!(buckets.take(&"a", much_later).is_err(), "never more than the burst");
    }

    #[test]
    fn a_thousand_names_do_not_fill_the_memory() {
        let (mut buckets, start) = (Buckets::new(PACE, 10), Instant::now());
        for n in 0..1000 {
            let now = start + Duration::from_millis(n);
            assert_eq!(buckets.take(&n, now), Ok(()));
            assert!(buckets.buckets.len() <= 10);
        }
    }

    #[test]
    fn whoever_is_over_the_limit_is_not_forgotten_first() {
        let (mut buckets, start) = (Buckets::new(PACE, 2), Instant::now());
        for _ in 0..3 {
            buckets.take(&1, start).unwrap();
        }
        buckets.take(&2, start).unwrap();
        let second = start + Duration::from_secs(1);
        assert!(buckets.take(&3, second).is_ok(), "2 is full again and makes room");
        assert!(buckets.buckets.contains_key(&1));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let (mut buckets, start) = (Buckets::new(PACE, 2), Instant::now());
        let later = start + Duration::from_secs(10);
        for _ in 0..3 {
            buckets.take(&1, later).unwrap();
        }
        assert!(buckets.take(&1, start).is_err());
    }
}
