//! What a watcher is told: counts of this process and figures of the ledger, as Prometheus reads
//! them (text format 0.0.4), and whether the office can do its work.
//!
//! No line names a handheld, a meter, a customer or an operator: whoever watches need not know who
//! they are. The text format is a page of code; a library would bring more than it takes away.

use super::apply::Applied;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn};
use super::{Office, backup::rewound, limits};
use crate::sync::wire::Run;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Media type of the text format.
pub(super) const TEXT: &str = "text/plain; version=0.0.4";
/// Upper bounds of the histogram of durations, seconds. A pack takes some 10 ms, a request 30 s at
/// most.
const BOUNDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// How old figures of the ledger may be: summing up all postings is not done at every question.
const FIGURES_AGE: Duration = Duration::from_secs(60);
/// How long the database may take to say that it is there.
const READY_TIME: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Histogram {
    below: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(&'static str, u16), u64>,
    durations: BTreeMap<&'static str, Histogram>,
    in_flight: u64,
    rejected: BTreeMap<&'static str, u64>,
    packs: BTreeMap<&'static str, u64>,
    entries: BTreeMap<&'static str, u64>,
}

/// Counts of one process.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    counts: Mutex<Counts>,
    figures: Mutex<Option<(Instant, Figures)>>,
}

/// Figures of the ledger.
#[derive(Debug, Clone, Default)]
struct Figures {
    sums: Vec<(String, i64)>,
    reviews: Vec<(String, u64)>,
    devices: Vec<(String, u64)>,
    late: u64,
    waiting: u64,
}

/// A request that is worked on, until it is dropped.
pub(super) struct InFlight<'a>(&'a Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut counts = self.0.counts();
        counts.in_flight = counts.in_flight.saturating_sub(1);
    }
}

impl Metrics {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    pub fn begin(&self) -> InFlight<'_> {
        self.counts().in_flight += 1;
        InFlight(self)
    }

    /// A request was answered.
    pub fn answered(&self, path: &'static str, status: u16, took: Duration) {
        let (mut counts, took) = (self.counts(), took.as_secs_f64());
        *counts.requests.entry((path, status)).or_default() += 1;
        let histogram = counts.durations.entry(path).or_default();
        for (below, bound) in histogram.below.iter_mut().zip(BOUNDS) {
            *below += u64::from(took <= bound);
        }
        histogram.count += 1;
        histogram.sum += took;
    }

    /// Somebody was turned away: a problem's code, a refusal's name, or what a door says.
    pub fn rejected(&self, reason: &'static str) {
        *self.counts().rejected.entry(reason).or_default() += 1;
    }

    /// A pack became a receipt, was asked for elsewhere, or was refused; and what became of its
    /// entries, as far as a receipt tells.
    pub fn pack(&self, applied: &Applied, runs: &[Run]) {
        let mut counts = self.counts();
        let result = match applied {
            Applied::Receipt(_) => "receipt",
            Applied::Need(_) => "gap",
            Applied::Refused(refusal) => refusal.name(),
        };
        *counts.packs.entry(result).or_default() += 1;
        for run in runs {
            *counts.entries.entry(run.outcome.name()).or_default() += u64::from(run.count);
        }
    }
}

impl Office {
    /// Whether this office can do its work now: the database answers, with an office in it, and the
    /// key that signs answers is in force, unlocked and the newest.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn ready(&self) -> Result<(), OfficeError> {
        let asked = async {
            let mut conn = self.ledger.read().await?;
            self.check_keys(&mut conn).await
        };
        match tokio::time::timeout(READY_TIME, asked).await {
            Ok(answer) => answer?,
            Err(_) => return Err(sqlx::Error::PoolTimedOut.into()),
        }
        self.keys().can_answer(self.now().0)
    }

    /// The whole text.
    pub(super) async fn metrics_text(&self) -> String {
        let mut text = Text(String::new());
        let version = env!("CARGO_PKG_VERSION");
        text.family("info", "gauge", "The program.", [(vec![("version", version)], 1)]);
        text.counts(&self.metrics.counts());
        let retries = [(vec![], self.ledger.retries())];
        text.family("transaction_retries_total", "counter", "Transactions run again.", retries);
        let (open, idle) = self.ledger.connections();
        let rows = [(vec![("state", "idle")], idle), (vec![("state", "open")], open)];
        text.family("database_connections", "gauge", "Connections to the database.", rows);
        match self.figures().await {
            Ok((age, figures)) => text.figures(age, &figures),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "no figures of the ledger");
                text.family("figures_failed", "gauge", "No figures to be had.", [(vec![], 1)]);
            }
        }
        text.0
    }

    /// Figures of the ledger, not older than [`FIGURES_AGE`]; and how old they are.
    async fn figures(&self) -> Result<(Duration, Figures), OfficeError> {
        let kept = self.metrics.figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, figures)) = kept.filter(|(at, _)| at.elapsed() < FIGURES_AGE) {
            return Ok((at.elapsed(), figures));
        }
        let mut conn = self.ledger.snapshot().await?;
        let figures = figures(&mut conn, self.now().0).await?;
        let mut kept = self.metrics.figures.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), figures.clone()));
        Ok((Duration::ZERO, figures))
    }
}

async fn figures(conn: &mut Conn, now: i64) -> Result<Figures, OfficeError> {
    let counted = |rows: Vec<super::db::Row>| {
        let rows = rows.iter().map(|row| Ok((row.try_get("name")?, ledger::counter(row, "n")?)));
        rows.collect::<Result<Vec<(String, u64)>, OfficeError>>()
    };
    let sql = "SELECT unit AS name, CAST(SUM(amount) AS BIGINT) AS n FROM posting
               GROUP BY unit ORDER BY unit";
    let sums = query(sql).fetch_all(conn).await?;
    let sums = sums.iter().map(|row| Ok((row.try_get("name")?, row.try_get("n")?)));
    let sums = sums.collect::<Result<_, OfficeError>>()?;
    let sql = "SELECT class AS name, COUNT(*) AS n FROM review WHERE settled IS NULL
               GROUP BY class ORDER BY class";
    let reviews = counted(query(sql).fetch_all(conn).await?)?;
    let sql = "SELECT status AS name, COUNT(*) AS n FROM device GROUP BY status ORDER BY status";
    let devices = counted(query(sql).fetch_all(conn).await?)?;
    // Late: what it was told to go by is over.
    let since = now - limits::policy(conn, "").await?.life_s;
    let sql = "SELECT COUNT(*) AS n FROM device WHERE status = 'enrolled' AND last_seen < $1";
    let late = query(sql).bind(since).fetch_one(conn).await?;
    let late = ledger::counter(&late, "n")?;
    let waiting = rewound::waiting(conn).await?;
    Ok(Figures { sums, reviews, devices, late, waiting })
}

/// The text as it grows.
struct Text(String);

type Labels<'a> = Vec<(&'a str, &'a str)>;

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP meterkit_office_{name} {help}");
        let _ = writeln!(self.0, "# TYPE meterkit_office_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(n, v)| format!("{n}=\"{v}\"")).collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.0, "meterkit_office_{name}{labels} {value}");
    }

    fn family<'a, T: std::fmt::Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'a>, T)>,
    ) {
        self.head(name, kind, help);
        for (labels, value) in rows {
            self.line(name, &labels, value);
        }
    }

    fn counts(&mut self, counts: &Counts) {
        let by = |label: &'static str, rows: &BTreeMap<&'static str, u64>| {
            let rows = rows.iter().map(move |(name, n)| (vec![(label, *name)], *n));
            rows.collect::<Vec<_>>()
        };
        self.head("requests_total", "counter", "Requests by path and status.");
        for ((path, status), n) in &counts.requests {
            let status = status.to_string();
            self.line("requests_total", &[("path", *path), ("status", &status)], n);
        }
        self.head("request_seconds", "histogram", "How long requests took.");
        for (path, histogram) in &counts.durations {
            for (bound, below) in BOUNDS.iter().zip(histogram.below) {
                let bound = bound.to_string();
                let labels = [("path", *path), ("le", &bound)];
                self.line("request_seconds_bucket", &labels, below);
            }
            let labels = [("path", *path), ("le", "+Inf")];
            self.line("request_seconds_bucket", &labels, histogram.count);
            let labels = [("path", *path)];
            self.line("request_seconds_sum", &labels, histogram.sum);
            self.line("request_seconds_count", &labels, histogram.count);
        }
        let in_flight = [(vec![], counts.in_flight)];
        self.family("requests_in_flight", "gauge", "Requests worked on now.", in_flight);
        let rejected = by("reason", &counts.rejected);
        self.family("rejected_total", "counter", "Turned away, by reason.", rejected);
        let packs = by("result", &counts.packs);
        self.family("packs_total", "counter", "Packs of journals, by what became of them.", packs);
        let entries = by("outcome", &counts.entries);
        self.family("entries_total", "counter", "Entries told of in receipts.", entries);
        let receipts = [(vec![], counts.packs.get("receipt").copied().unwrap_or(0))];
        self.family("receipts_total", "counter", "Receipts given, again or anew.", receipts);
    }

    fn figures(&mut self, age: Duration, figures: &Figures) {
        let age = [(vec![], age.as_secs())];
        self.family("figures_age_seconds", "gauge", "How old what follows is.", age);
        let sums = figures.sums.iter().map(|(unit, sum)| (vec![("unit", unit.as_str())], *sum));
        let help = "Sum of all postings, hundredths; anything but 0 is a fault.";
        self.family("ledger_sum", "gauge", help, sums);
        let by = |label: &'static str, rows: &'_ [(String, u64)]| {
            let rows = rows.iter().map(|(name, n)| (label, name.clone(), *n));
            rows.collect::<Vec<_>>()
        };
        let reviews = by("class", &figures.reviews);
        let rows = reviews.iter().map(|(label, name, n)| (vec![(*label, name.as_str())], *n));
        self.family("reviews_open", "gauge", "What a person must look at.", rows);
        let devices = by("state", &figures.devices);
        let rows = devices.iter().map(|(label, name, n)| (vec![(*label, name.as_str())], *n));
        self.family("devices", "gauge", "Handhelds by state.", rows);
        let help = "Handhelds not heard for longer than their status lives.";
        self.family("devices_late", "gauge", help, [(vec![], figures.late)]);
        let help = "Handhelds waited for since a restore; nothing is issued until 0.";
        self.family("restored_waiting", "gauge", help, [(vec![], figures.waiting)]);
    }
}
