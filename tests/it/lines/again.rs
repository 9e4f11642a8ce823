//! An adapter that is pulled out and comes back by another name: a made-up sysfs tree whose device
//! files lead to pseudo terminals. Closing the master is the kernel's own path of pulling out.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use meterkit::transport::discover::{Identity, ports_in};
use meterkit::transport::pty::Pty;
use meterkit::transport::serial::{Places, reopen};
use meterkit::transport::{LineSettings, Link, LinkError, ModemLines};

/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Plugs an FTDI adapter with this serial number in: the kernel calls it `name`.
fn plug(root: &Path, name: &str, serial: &str, pty: &Pty) {
    let device = root.join(format!("sys/devices/usb1/{serial}"));
    let port = device.join(format!("{serial}:1.0")).join(name);
    std::fs::create_dir_all(&port).unwrap();
    for (key, value) in [("idVendor", "0403"), ("idProduct", "6001"), ("serial", serial)] {
        std::fs::write(device.join(key), value).unwrap();
    }
    std::fs::create_dir_all(root.join("dev")).unwrap();
    std::os::unix::fs::symlink(pty.path(), root.join("dev").join(name)).unwrap();
    let class = root.join("sys/class/tty").join(name);
    std::fs::create_dir_all(&class).unwrap();
    std::os::unix::fs::symlink(port, class.join("device")).unwrap();
}

fn unplug(root: &Path, name: &str) {
    std::fs::remove_dir_all(root.join("sys/class/tty").join(name)).unwrap();
    std::fs::remove_file(root.join("dev").join(name)).unwrap();
}

#[test]
fn an_adapter_is_found_again_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (sysfs, dev) = (root.join("sys"), root.join("dev"));
    let places = Places { sysfs: &sysfs, dev: &dev };
    let asked = (&LineSettings::even(2400), &ModemLines::default());
    let (first, other) = (Pty::open().unwrap(), Pty::open().unwrap());
    plug(root, "ttyUSB0", "A50285BI", &first);
    plug(root, "ttyUSB1", "OTHER", &other);
    let ours = ports_in(&sysfs, &dev).into_iter().find(|port| port.path.ends_with("USB0")).unwrap();
    let identity = ours.identity();
    let again: Identity = identity.to_string().parse().unwrap();
    assert_eq!(again, identity, "as a small file keeps it");
    let never = AtomicBool::new(false);
    let (path, mut link) = reopen(&identity, asked, PATIENCE, &never, places).unwrap();
    assert!(path.ends_with("ttyUSB0"));
    // Pulled out while somebody listens.
    first.unplug();
    unplug(root, "ttyUSB0");
    let deadline = link.now() + PATIENCE;
    assert_eq!(link.recv(&mut [0; 8], deadline), Err(LinkError::Gone));
    drop(link);
    // Not there yet: that is said in the end, by its name of identity, and cancelling is quicker.
    let gone = reopen(&identity, asked, Duration::ZERO, &never, places).map(|_| ());
    assert_eq!(gone, Err(LinkError::Missing(identity.to_string())));
    let stop = AtomicBool::new(true);
    assert!(reopen(&identity, asked, PATIENCE, &stop, places).is_err());
    // It comes back while we wait, by another name; the other adapter is left alone.
    let second = Pty::open().unwrap();
    let done = AtomicBool::new(false);
    let (path, mut link) = std::thread::scope(|scope| {
        scope.spawn(|| {
            plug(root, "ttyUSB7", "A50285BI", &second);
            done.store(true, Ordering::Relaxed);
        });
        reopen(&identity, asked, PATIENCE, &never, places).unwrap()
    });
    assert!(path.ends_with("ttyUSB7") && done.load(Ordering::Relaxed));
    link.send(&[1, 2, 3]).unwrap();
    drop(link);
    // Two that claim to be the same are not guessed at.
    let clone = Pty::open().unwrap();
    let twin = root.join("sys/devices/usb1/TWIN");
    plug(root, "ttyUSB8", "TWIN", &clone);
    std::fs::write(twin.join("serial"), "A50285BI").unwrap();
    let either = reopen(&identity, asked, Duration::ZERO, &never, places).map(|_| ());
    assert_eq!(either, Err(LinkError::Missing(identity.to_string())));
}
