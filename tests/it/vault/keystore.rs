//! The device secret in the keystore of the desktop: libdbus talks to a Secret Service of ours.

use super::make::{LI, PIN, Site, TestBoot, operator, pin};
use meterkit::store::vault::keystore::{Keystore, SecretService};
use meterkit::store::vault::tpm::TpmLine;
use meterkit::store::vault::{Machine, SecretKind, VaultError};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant, connection, interface};

const ITEM: &str = "/org/freedesktop/secrets/item";

/// What the service keeps, over all connections.
#[derive(Debug, Default)]
struct Kept {
    items: Vec<(HashMap<String, String>, Vec<u8>)>,
    locked: bool,
}

type Shared = Arc<Mutex<Kept>>;
type Sent = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

fn path(text: &str) -> OwnedObjectPath {
    ObjectPath::try_from(text).unwrap().into()
}

struct Bus;

#[interface(name = "org.freedesktop.DBus")]
impl Bus {
    fn hello(&self) -> &str {
        ":1.1"
    }
}

struct Service(Shared);

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn open_session(
        &self,
        algorithm: &str,
        _input: OwnedVariant,
    ) -> (OwnedVariant, OwnedObjectPath) {
        assert_eq!(algorithm, "plain");
        let nothing = Variant::from("").try_to_owned().unwrap();
        (nothing, path("/org/freedesktop/secrets/session"))
    }

    fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        path("/org/freedesktop/secrets/login")
    }

    fn search_items(
        &self,
        by: HashMap<String, String>,
    ) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        let kept = self.0.lock().unwrap();
        let fits = kept.items.iter().enumerate().filter(|(_, (attributes, _))| *attributes == by);
        let found = fits.map(|(at, _)| path(&format!("{ITEM}{at}"))).collect();
        if kept.locked { (Vec::new(), found) } else { (found, Vec::new()) }
    }

    fn get_secrets(
        &self,
        items: Vec<OwnedObjectPath>,
        session: OwnedObjectPath,
    ) -> HashMap<OwnedObjectPath, Sent> {
        let kept = self.0.lock().unwrap();
        let sent = |item: OwnedObjectPath| {
            let at: usize = item.as_str().strip_prefix(ITEM).unwrap().parse().unwrap();
            let value = kept.items[at].1.clone();
            (item, (session.clone(), Vec::new(), value, "application/octet-stream".to_owned()))
        };
        items.into_iter().map(sent).collect()
    }
}

struct Collection(Shared);

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    fn create_item(
        &self,
        properties: HashMap<String, OwnedVariant>,
        secret: Sent,
        _replace: bool,
    ) -> (OwnedObjectPath, OwnedObjectPath) {
        let mut kept = self.0.lock().unwrap();
        if kept.locked {
            return (path("/"), path("/org/freedesktop/secrets/prompt"));
        }
        let attributes = properties["org.freedesktop.Secret.Item.Attributes"].try_clone().unwrap();
        kept.items.push((attributes.try_into().unwrap(), secret.2));
        (path(&format!("{ITEM}{}", kept.items.len() - 1)), path("/"))
    }
}

/// Serves on a socket from a thread that ends with the process.
fn serve(socket: &Path, kept: &Shared) {
    let (listener, kept) = (std::os::unix::net::UnixListener::bind(socket).unwrap(), kept.clone());
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let _connection = connection::Builder::unix_stream(stream.into_std().unwrap())
                        .server(zbus::Guid::generate())
                        .p2p()
                        .serve_at("/org/freedesktop/DBus", Bus)
                        .serve_at("/org/freedesktop/secrets", Service(kept.clone()))
                        .serve_at("/org/freedesktop/secrets/login", Collection(kept))
                        .build()
                        .await
                        .unwrap();
                    std::future::pending::<()>().await;
                });
            }
        });
    });
}

/// A machine without a TPM, with a session bus.
#[derive(Debug)]
struct Desktop(String);

impl Machine for Desktop {
    fn id(&self) -> Option<Vec<u8>> {
        Some(vec![b'a'; 32])
    }

    fn tpm(&self) -> io::Result<Box<dyn TpmLine>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn keystore(&self) -> io::Result<Box<dyn Keystore>> {
        Ok(Box::new(SecretService::at(&self.0)?))
    }
}

#[test]
fn the_keystore_keeps_the_secret_and_a_locked_one_opens_nothing() {
    let (mut site, boot, kept) = (Site::real(), TestBoot::new(1), Shared::default());
    let bus = tempfile::tempdir().unwrap();
    let socket = bus.path().join("bus");
    serve(&socket, &kept);
    site.ground.machine = Arc::new(Desktop(format!("unix:path={}", socket.display())));
    // Locked when the vault is made: a file is taken instead, and said.
    kept.lock().unwrap().locked = true;
    assert_eq!(site.try_create().unwrap().0.kind(), SecretKind::File);
    std::fs::remove_file(site.home.join("device-secret")).unwrap();

    kept.lock().unwrap().locked = false;
    let (vault, key) = site.try_create().unwrap();
    vault.set_pin(&key, &operator(LI), &pin(PIN), false).unwrap();
    assert_eq!(vault.kind(), SecretKind::Keystore);
    assert!(!site.home.join("device-secret").exists());
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));
    let secret = kept.lock().unwrap().items[0].1.clone();
    for (path, bytes) in site.files() {
        assert!(!super::holds(&bytes, &secret), "{}", path.display());
    }
    // Another vault's secret beside it is not taken for this one's.
    let mut other = Site::real();
    other.ground = site.ground.clone();
    other.with_li();
    assert_eq!(site.try_pin(LI, PIN, &boot), Ok(0));

    let before = site.kept();
    kept.lock().unwrap().locked = true;
    assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))));
    kept.lock().unwrap().locked = false;
    kept.lock().unwrap().items[0].1 = vec![7; 32];
    assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))), "another secret");
    kept.lock().unwrap().items[0].1 = vec![7; 5];
    assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))), "no secret at all");
    kept.lock().unwrap().items.remove(0);
    assert!(matches!(site.try_open(), Err(VaultError::NoSecret(_))), "taken away");
    assert_eq!(site.kept(), before, "nothing was counted or changed");
    assert!(SecretService::at("unix:path=/nowhere/at/all").is_err());
}
