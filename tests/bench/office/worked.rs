//! CPU time, as `/proc` counts it: what a pack costs also where the machine has other work.

use std::time::Duration;

/// CPU time of the three that share the machine, user and system.
#[derive(Debug, Default)]
pub struct Worked {
    postgres: Duration,
    servers: Duration,
    senders: Duration,
}

impl Worked {
    /// What was used so far by this process, by its servers and by what its cluster runs.
    pub fn now() -> Self {
        let mut worked = Self::default();
        let own = std::process::id();
        let all: Vec<(u32, u32, String, Duration)> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| used(pid).map(|(parent, name, used)| (pid, parent, name, used)))
            .collect();
        let ours: Vec<u32> =
            all.iter().filter(|(_, parent, ..)| *parent == own).map(|(pid, ..)| *pid).collect();
        for (pid, parent, name, used) in &all {
            match name.as_str() {
                _ if *pid == own => worked.senders += *used,
                "postgres" if ours.contains(pid) || ours.contains(parent) => {
                    worked.postgres += *used;
                }
                name if *parent == own && "meterkit-office".starts_with(name) => {
                    worked.servers += *used;
                }
                _ => {}
            }
        }
        worked
    }

    /// Milliseconds of each of so many packs.
    pub fn of(&self, packs: usize) -> String {
        let each = |of: Duration| of.as_secs_f64() * 1e3 / packs as f64;
        let [postgres, servers, senders] = [self.postgres, self.servers, self.senders].map(each);
        format!("PostgreSQL {postgres:.1}, servers {servers:.1}, senders {senders:.1}")
    }

    /// Counts what was used between two moments.
    pub fn add(&mut self, before: &Self, after: &Self) {
        self.postgres += after.postgres.saturating_sub(before.postgres);
        self.servers += after.servers.saturating_sub(before.servers);
        self.senders += after.senders.saturating_sub(before.senders);
    }
}

/// The parent of a process, its name (15 letters of it) and the CPU time it used, in the 100
/// parts of a second that `proc(5)` counts in.
fn used(pid: u32) -> Option<(u32, String, Duration)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let used = Duration::from_millis((ticks(11)? + ticks(12)?) * 10);
    Some((fields.get(1)?.parse().ok()?, name.to_owned(), used))
}
