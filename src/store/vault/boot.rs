//! The clock that waits are measured with: the machine's own, since it was started.
//!
//! Nobody can set it, and it runs on while the machine sleeps. It begins anew with every start,
//! which is why it comes with the start's own id.

/// One life of the machine, from power-on to power-off.
pub trait Boot {
    /// An id no other start of any machine has.
    fn id(&self) -> [u8; 16];
    /// Milliseconds since this start, sleep included.
    fn ms(&self) -> u64;
}

/// The machine this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemBoot;

impl Boot for SystemBoot {
    fn id(&self) -> [u8; 16] {
        // Elsewhere every process counts as a start of its own: waits are then longer, not shorter.
        kernel_id().unwrap_or_else(process_id)
    }

    fn ms(&self) -> u64 {
        since_start()
    }
}

fn kernel_id() -> Option<[u8; 16]> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: Vec<u8> = text.trim().bytes().filter(|b| *b != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(id)
}

fn process_id() -> [u8; 16] {
    use std::sync::OnceLock;
    static ID: OnceLock<[u8; 16]> = OnceLock::new();
    *ID.get_or_init(|| {
        let mut id = [0; 16];
        // Without a random source all zeros stay: nothing that draws keys works then either.
        let _ = getrandom::fill(&mut id);
        id
    })
}

#[cfg(target_os = "linux")]
fn since_start() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (s, ns) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    s.unwrap_or(0).saturating_mul(1_000) + ns.unwrap_or(0) / 1_000_000
}

#[cfg(not(target_os = "linux"))]
fn since_start() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static FROM: OnceLock<Instant> = OnceLock::new();
    let passed = FROM.get_or_init(Instant::now).elapsed();
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Boot, SystemBoot};

    #[test]
    fn one_start_has_one_id_and_time_goes_on() {
        let (id, ms) = (SystemBoot.id(), SystemBoot.ms());
        assert_eq!(id, SystemBoot.id());
        assert_ne!(id, [0; 16]);
        assert!(SystemBoot.ms() >= ms);
    }
}
