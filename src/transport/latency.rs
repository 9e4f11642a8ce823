//! How long an adapter holds received bytes back, and making that short.
//!
//! An FTDI chip hands over what it has every 16 ms as it comes. Its driver shows that time in
//! sysfs, where it can be written by who may (the udev rule in `docs/60-meterkit.rules` sets it for
//! all). The call that any user could make (`TIOCSSERIAL` with `ASYNC_LOW_LATENCY`) takes an
//! `ioctl` with a raw pointer, which this crate forbids itself. CH340, CP210x and PL2303 have no
//! such knob.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What we want, milliseconds; less is not to be had.
const WANTED_MS: u64 = 1;

/// The time the adapter behind `device` holds bytes back, made as short as it may be; `None` where
/// the driver does not say.
pub(super) fn lower(sysfs: &Path, device: &Path) -> Option<Duration> {
    let file = knob(sysfs, device)?;
    let now = read(&file)?;
    if now > WANTED_MS {
        // Not for everybody; what is true afterwards is read below.
        let _ = std::fs::write(&file, format!("{WANTED_MS}\n"));
    }
    read(&file).map(Duration::from_millis)
}

fn knob(sysfs: &Path, device: &Path) -> Option<PathBuf> {
    let real = std::fs::canonicalize(device).ok()?;
    let port = sysfs.join("class/tty").join(real.file_name()?);
    // ftdi_sio puts it at the port, some kernels show it at the class entry.
    [port.join("device/latency_timer"), port.join("latency_timer")]
        .into_iter()
        .find(|file| file.is_file())
}

fn read(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knob_is_turned_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let (sysfs, dev) = (folder.path().join("sys"), folder.path().join("ttyUSB0"));
        std::fs::write(&dev, "").unwrap();
        assert_eq!(lower(&sysfs, &dev), None);
        let port = sysfs.join("class/tty/ttyUSB0/device");
        std::fs::create_dir_all(&port).unwrap();
        std::fs::write(port.join("latency_timer"), "16\n").unwrap();
        // A link with another name leads to the same port.
        let link = folder.path().join("head");
        std::os::unix::fs::symlink(&dev, &link).unwrap();
        assert_eq!(lower(&sysfs, &link), Some(Duration::from_millis(1)));
        assert_eq!(lower(&sysfs, &dev), Some(Duration::from_millis(1)));
        std::fs::write(port.join("latency_timer"), "?").unwrap();
        assert_eq!(lower(&sysfs, &dev), None);
    }
}
