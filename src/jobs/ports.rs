//! The adapters there are, for a list.

use std::path::Path;

use super::views::PortView;
use crate::transport::discover::{self, Access, PortInfo};

/// Where the kernel tells about ports.
pub const SYSFS: &str = "/sys";

/// The ports of this machine.
pub fn list() -> Vec<PortView> {
    list_at(Path::new(SYSFS))
}

/// The ports a sysfs tree tells of.
pub fn list_at(sysfs: &Path) -> Vec<PortView> {
    discover::ports(sysfs).into_iter().map(view).collect()
}

fn view(port: PortInfo) -> PortView {
    let fix = match port.access {
        Access::Ok => None,
        Access::Denied { fix } => Some(fix.to_owned()),
        Access::NoNode => Some(format!("{} ?", port.path)),
    };
    let known = port.known.map(str::to_owned);
    PortView {
        endpoint: port.path,
        name: known.or(port.product).unwrap_or_default(),
        identity: port.serial.or(port.usb_path).unwrap_or_default(),
        fix,
    }
}
