//! Adapters without hardware: a made-up sysfs tree whose device files lead to pseudo terminals.
//! Closing the master of one is the kernel's own path of pulling an adapter out.

use std::path::{Path, PathBuf};

use meterkit::jobs::opener::Opener;

/// A folder with a `sys` and a `dev` of its own.
pub struct Adapters {
    folder: tempfile::TempDir,
}

/// FTDI FT232.
pub const FTDI: (&str, &str) = ("0403", "6001");
/// CH340, which brltty takes; it has no serial number.
pub const CH340: (&str, &str) = ("1a86", "7523");

impl Adapters {
    pub fn new() -> Adapters {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("sys/class/tty")).unwrap();
        std::fs::create_dir_all(folder.path().join("dev")).unwrap();
        Adapters { folder }
    }

    fn sys(&self) -> PathBuf {
        self.folder.path().join("sys")
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    /// What a fresh start of the program has.
    pub fn opener(&self) -> Opener {
        let dev = self.folder.path().join("dev");
        Opener::new(&self.config(), Vec::new()).looking_at(&self.sys(), &dev)
    }

    /// The name of a port as a person types it.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join("dev").join(name).to_str().unwrap().to_owned()
    }

    /// Plugs an adapter in: the kernel calls it `name`; its file may come later.
    pub fn appear(&self, name: &str, (vid, pid): (&str, &str), socket: &str, serial: Option<&str>) {
        let device = self.sys().join(format!("devices/usb1/{socket}"));
        let port = device.join(format!("{socket}:1.0")).join(name);
        std::fs::create_dir_all(&port).unwrap();
        for (key, value) in [("idVendor", vid), ("idProduct", pid)] {
            std::fs::write(device.join(key), value).unwrap();
        }
        if let Some(serial) = serial {
            std::fs::write(device.join("serial"), serial).unwrap();
        }
        let class = self.sys().join("class/tty").join(name);
        std::fs::create_dir_all(&class).unwrap();
        std::os::unix::fs::symlink(port, class.join("device")).unwrap();
    }

    /// Makes its file: what is behind it is `pty`.
    pub fn node(&self, name: &str, pty: impl AsRef<Path>) {
        std::os::unix::fs::symlink(pty, self.path(name)).unwrap();
    }

    /// An FTDI adapter with this serial number, with its file.
    pub fn plug(&self, name: &str, serial: &str, pty: impl AsRef<Path>) {
        self.appear(name, FTDI, serial, Some(serial));
        self.node(name, pty);
    }

    /// Pulls it out; what is behind it is to be closed as well.
    pub fn unplug(&self, name: &str) {
        std::fs::remove_dir_all(self.sys().join("class/tty").join(name)).unwrap();
        let _ = std::fs::remove_file(self.path(name));
    }

    /// The lines remembered for the next start.
    pub fn remembered(&self) -> String {
        std::fs::read_to_string(self.config().with_file_name("lines.toml")).unwrap_or_default()
    }
}
