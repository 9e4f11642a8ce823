//! What the process does to itself before anything else: leave nothing behind when it dies.
//!
//! Keys and PINs live in memory while somebody is logged in. A core file would put them on disk, in
//! the clear and for good; a debugger of the same user could read them. Swap is not in our hands:
//! encrypt it or switch it off (`docs/threat-model.md`).

/// No core files, and no other process of this user may look into this one. Where the system does
/// not know such a thing it stays as it is: nothing here is worth refusing to start for.
pub fn process() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _ = setrlimit(Resource::Core, none);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
