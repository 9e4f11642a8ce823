//! How long an adapter holds received bytes back, and making that short.
//!
//! An FTDI chip hands over what it has every 16 ms as it comes. Its driver shows that time in
//! sysfs, where it can be written by who may (the udev rule in `docs/60-meterkit.rules` sets it for
//! all). Any user may ask for it by `TIOCSSERIAL` with `ASYNC_LOW_LATENCY`; that is an `ioctl` with
//! a raw pointer, which this crate forbids itself, so Debian's `setserial` makes the call where it
//! is installed. `ftdi_sio` keeps what was set until the adapter is pulled out.
//!
//! No other driver obeys either: CH340, CP210x and PL2303 have no such knob, and hand bytes over
//! as USB takes them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What we want, milliseconds; less is not to be had.
const WANTED_MS: u64 = 1;

/// Where `setserial` may be. Not looked for by `PATH`: what is run on a port is no matter of who
/// set a variable.
const HELPERS: [&str; 4] =
    ["/usr/bin/setserial", "/bin/setserial", "/usr/sbin/setserial", "/sbin/setserial"];

/// How long it may take; it makes two calls of the kernel.
const HELPER_TIME_MAX: Duration = Duration::from_secs(1);

/// How often to look whether it is done.
const SLICE: Duration = Duration::from_millis(5);

/// The time the adapter behind `device` holds bytes back, made as short as it may be; `None` where
/// the driver does not say. To be called before the port is opened: an open port is ours alone, and
/// the helper could not open it.
pub(super) fn lower(sysfs: &Path, device: &Path) -> Option<Duration> {
    let set = |file: &Path| std::fs::write(file, format!("{WANTED_MS}\n")).is_ok();
    let ask = |device: &Path| helper().is_some_and(|program| run(&program, device));
    lower_by(sysfs, device, &set, &ask)
}

/// The same by these two ways, the second tried where the first does nothing.
fn lower_by(
    sysfs: &Path,
    device: &Path,
    set: &dyn Fn(&Path) -> bool,
    ask: &dyn Fn(&Path) -> bool,
) -> Option<Duration> {
    let file = knob(sysfs, device)?;
    let far = |file: &Path| read(file).is_some_and(|now| now > WANTED_MS);
    // Neither is for everybody; what is true afterwards is read below.
    if far(&file) && (!set(&file) || far(&file)) {
        ask(device);
    }
    read(&file).map(Duration::from_millis)
}

/// How long the adapter behind `device` will hold bytes back when it is open, milliseconds; `None`
/// where that will be short, or its driver does not say.
pub(super) fn stays(sysfs: &Path, device: &Path) -> Option<u64> {
    let file = knob(sysfs, device)?;
    let now = read(&file).filter(|now| *now > WANTED_MS)?;
    let ours = rustix::fs::access(&file, rustix::fs::Access::WRITE_OK).is_ok();
    (!ours && helper().is_none()).then_some(now)
}

fn helper() -> Option<PathBuf> {
    HELPERS.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Runs the helper on a port; whether it says that it worked.
fn run(program: &Path, device: &Path) -> bool {
    let started = Command::new(program)
        .arg(device)
        .arg("low_latency")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok_and(|child| ended(child, HELPER_TIME_MAX))
}

fn ended(mut child: Child, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(SLICE),
            // A stuck one must not hold the line up.
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
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

    /// A port with a knob at 16 ms; the folder, sysfs and the device.
    fn port() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (sysfs, dev) = (folder.path().join("sys"), folder.path().join("ttyUSB0"));
        std::fs::write(&dev, "").unwrap();
        std::fs::create_dir_all(sysfs.join("class/tty/ttyUSB0/device")).unwrap();
        std::fs::write(sysfs.join("class/tty/ttyUSB0/device/latency_timer"), "16\n").unwrap();
        (folder, sysfs, dev)
    }

    #[test]
    fn the_knob_is_turned_where_there_is_one() {
        let (folder, sysfs, dev) = port();
        let knob = sysfs.join("class/tty/ttyUSB0/device/latency_timer");
        // A link with another name leads to the same port.
        let link = folder.path().join("head");
        std::os::unix::fs::symlink(&dev, &link).unwrap();
        assert_eq!(lower(&sysfs, &link), Some(Duration::from_millis(1)));
        assert_eq!(lower(&sysfs, &dev), Some(Duration::from_millis(1)));
        assert_eq!(stays(&sysfs, &dev), None, "short");
        std::fs::write(&knob, "?").unwrap();
        assert_eq!(lower(&sysfs, &dev), None);
        std::fs::remove_file(&knob).unwrap();
        assert_eq!((lower(&sysfs, &dev), stays(&sysfs, &dev)), (None, None));
    }

    #[test]
    fn where_the_knob_is_not_ours_the_helper_asks_for_it() {
        let (folder, sysfs, dev) = port();
        let refused = |_: &Path| false;
        let unasked = |_: &Path| -> bool { panic!("nothing to ask for") };
        assert_eq!(lower_by(&sysfs, &dev, &refused, &refused), Some(Duration::from_millis(16)));
        // As setserial is called: the port, then what is wanted.
        let (program, knob) = (folder.path().join("setserial"), sysfs.clone());
        let knob = knob.join("class/tty/ttyUSB0/device/latency_timer");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = {} ] && [ \"$2\" = low_latency ] && echo 1 > {}\n",
            dev.display(),
            knob.display()
        );
        std::fs::write(&program, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).unwrap();
        let ask = |device: &Path| run(&program, device);
        assert_eq!(lower_by(&sysfs, &dev, &refused, &ask), Some(Duration::from_millis(1)));
        assert_eq!(lower_by(&sysfs, &dev, &refused, &unasked), Some(Duration::from_millis(1)));
    }

    #[test]
    fn a_helper_that_hangs_is_given_up() {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        assert!(!ended(child, Duration::from_millis(20)));
        assert!(!run(Path::new("/nonexistent/setserial"), Path::new("/dev/null")));
    }
}
