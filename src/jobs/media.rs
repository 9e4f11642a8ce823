//! Sticks and shared folders that are there now, for a screen to choose from.

use std::path::PathBuf;

/// Where systems mount what people plug in, and where they put what they share.
const HOLDERS: [&str; 4] = ["/media/", "/run/media/", "/mnt/", "/Volumes/"];
/// The kernel's list of mounts (`proc_pid_mounts(5)`).
const MOUNTS: &str = "/proc/self/mounts";
/// Most that are offered: as many as there are digits.
const MOST: usize = 9;

/// The media in reach, sorted; read-only ones are left out, nothing could be left there.
pub fn places() -> Vec<PathBuf> {
    match std::fs::read_to_string(MOUNTS) {
        Ok(mounts) => mounted(&mounts),
        // Another system: its own folder of volumes, if it has one.
        Err(_) => volumes(),
    }
}

/// The media in a list of mounts: device, mount point, type, options.
fn mounted(mounts: &str) -> Vec<PathBuf> {
    let place = |line: &str| {
        let mut words = line.split(' ');
        let (_, at, _, options) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let writable = options.split(',').any(|option| option == "rw");
        let at = unescaped(at);
        let held = HOLDERS.iter().any(|holder| at.len() > holder.len() && at.starts_with(holder));
        (writable && held).then(|| PathBuf::from(at))
    };
    let mut places: Vec<_> = mounts.lines().filter_map(place).collect();
    places.sort();
    places.dedup();
    places.truncate(MOST);
    places
}

fn volumes() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/Volumes").into_iter().flatten();
    let mut places: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    places.sort();
    places.truncate(MOST);
    places
}

/// The list writes space, tab, line end and backslash as three octal digits after a backslash.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (*first, code) {
            (b'\\', Some(code)) => {
                bytes.push(code);
                rest = &after[3..];
            }
            (byte, _) => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writable_media_people_plug_in() {
        let mounts = "\
/dev/sda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw 0 0
/dev/sdb1 /media/li/KINGSTON\\0408G vfat rw,nosuid,uid=1000 0 0
/dev/sdc1 /media/li/OLD iso9660 ro,nosuid 0 0
//nas/office /mnt/office cifs rw 0 0
tmpfs /mnt tmpfs rw 0 0
broken
";
        let places = mounted(mounts);
        let want = ["/media/li/KINGSTON 8G", "/mnt/office"].map(PathBuf::from);
        assert_eq!(places, want);
    }
}
