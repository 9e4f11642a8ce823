//! The keystore of the desktop (Secret Service: GNOME Keyring, KWallet): as much of it as it takes
//! to lay one secret down and fetch it again.
//!
//! The session is a `plain` one: the bus is a socket that only this user can reach, and whoever can
//! reach it can ask for the secret as well. A locked keystore is not asked to open: the question
//! would appear on a screen nobody at a terminal may see. It counts as not there, and is said.

use std::fmt::Debug;
use std::io;
use zeroize::Zeroizing;

/// A secret of 32 bytes, wiped when dropped.
pub type Secret = Zeroizing<[u8; 32]>;

/// Where a named secret can be laid down.
pub trait Keystore: Debug {
    /// Lays a secret down under a name.
    ///
    /// # Errors
    /// What the keystore says.
    fn put(&self, name: &str, secret: &Secret) -> io::Result<()>;
    /// Fetches it.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name or the keystore is locked.
    fn get(&self, name: &str) -> io::Result<Secret>;
}

/// The keystore of this user's session.
///
/// # Errors
/// `NotFound` where there is no session bus.
#[cfg(all(feature = "keystore", target_os = "linux"))]
pub(super) fn session() -> io::Result<Box<dyn Keystore>> {
    // libdbus would start a bus of its own where there is none.
    let told = std::env::var("DBUS_SESSION_BUS_ADDRESS").ok().filter(|address| !address.is_empty());
    let usual = || {
        let folder = std::env::var_os("XDG_RUNTIME_DIR")?;
        let socket = std::path::Path::new(&folder).join("bus");
        socket.exists().then(|| format!("unix:path={}", socket.display()))
    };
    let address = told.or_else(usual).ok_or(io::ErrorKind::NotFound)?;
    Ok(Box::new(service::SecretService::at(&address)?))
}

/// This build speaks to no keystore.
///
/// # Errors
/// Always.
#[cfg(not(all(feature = "keystore", target_os = "linux")))]
pub(super) fn session() -> io::Result<Box<dyn Keystore>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(feature = "keystore", target_os = "linux"))]
pub use service::SecretService;

#[cfg(all(feature = "keystore", target_os = "linux"))]
mod service {
    use super::{Keystore, Secret, Zeroizing, io};
    use dbus::Path;
    use dbus::arg::{RefArg, Variant};
    use dbus::blocking::{LocalConnection, Proxy};
    use dbus::channel::Channel;
    use std::collections::HashMap;
    use std::fmt;
    use std::time::Duration;

    const NAME: &str = "org.freedesktop.secrets";
    const ROOT: &str = "/org/freedesktop/secrets";
    const SERVICE: &str = "org.freedesktop.Secret.Service";
    const COLLECTION: &str = "org.freedesktop.Secret.Collection";
    /// A call may start the service first.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// A secret on the bus: session, parameters, value, content type.
    type Sent = (Path<'static>, Vec<u8>, Vec<u8>, String);

    /// A Secret Service at the end of a bus.
    pub struct SecretService {
        bus: LocalConnection,
    }

    impl fmt::Debug for SecretService {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("SecretService")
        }
    }

    fn failed(e: dbus::Error) -> io::Error {
        io::Error::other(format!("keystore: {e}"))
    }

    fn attributes(name: &str) -> HashMap<String, String> {
        let pairs = [("application", "meterkit"), ("vault", name)];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    impl SecretService {
        /// Connects to a bus by its address.
        ///
        /// # Errors
        /// What the bus says.
        pub fn at(address: &str) -> io::Result<Self> {
            let mut channel = Channel::open_private(address).map_err(failed)?;
            channel.register().map_err(failed)?;
            Ok(Self { bus: channel.into() })
        }

        fn proxy<'a>(&'a self, path: impl Into<Path<'a>>) -> Proxy<'a, &'a LocalConnection> {
            self.bus.with_proxy(NAME, path, PATIENCE)
        }

        fn open(&self) -> io::Result<Path<'static>> {
            let nothing = Variant(String::new());
            let answer: Result<(Variant<Box<dyn RefArg>>, Path<'static>), _> =
                self.proxy(ROOT).method_call(SERVICE, "OpenSession", ("plain", nothing));
            answer.map(|(_, session)| session).map_err(failed)
        }
    }

    impl Keystore for SecretService {
        fn put(&self, name: &str, secret: &Secret) -> io::Result<()> {
            let session = self.open()?;
            let alias: Result<(Path<'static>,), _> =
                self.proxy(ROOT).method_call(SERVICE, "ReadAlias", ("default",));
            let (collection,) = alias.map_err(failed)?;
            if &*collection == "/" {
                return Err(io::ErrorKind::NotFound.into());
            }
            let label = format!("meterkit {name}");
            let mut item: HashMap<&str, Variant<Box<dyn RefArg>>> = HashMap::new();
            item.insert("org.freedesktop.Secret.Item.Label", Variant(Box::new(label)));
            let found_by = Variant(Box::new(attributes(name)) as Box<dyn RefArg>);
            item.insert("org.freedesktop.Secret.Item.Attributes", found_by);
            let sent: Sent =
                (session, Vec::new(), secret.to_vec(), "application/octet-stream".into());
            let made: Result<(Path<'static>, Path<'static>), _> =
                self.proxy(collection).method_call(COLLECTION, "CreateItem", (item, sent, true));
            match made.map_err(failed)? {
                (_, prompt) if &*prompt == "/" => Ok(()),
                _ => Err(io::Error::other("keystore: locked")),
            }
        }

        fn get(&self, name: &str) -> io::Result<Secret> {
            let session = self.open()?;
            let found: Result<(Vec<Path<'static>>, Vec<Path<'static>>), _> =
                self.proxy(ROOT).method_call(SERVICE, "SearchItems", (attributes(name),));
            let (open, locked) = found.map_err(failed)?;
            if open.is_empty() && !locked.is_empty() {
                return Err(io::Error::other("keystore: locked"));
            }
            let sent: Result<(HashMap<Path<'static>, Sent>,), _> =
                self.proxy(ROOT).method_call(SERVICE, "GetSecrets", (open, session));
            let (mut sent,) = sent.map_err(failed)?;
            let mut out = Zeroizing::new([0; 32]);
            let mut values =
                sent.values_mut().map(|(_, _, value, _)| Zeroizing::new(std::mem::take(value)));
            let whole = values.find(|value| value.len() == out.len());
            out.copy_from_slice(&whole.ok_or(io::ErrorKind::NotFound)?);
            Ok(out)
        }
    }
}
