//! A `BlueZ` of our own, as little of it as btleplug needs: one adapter, a few heads. zbus serves
//! it peer to peer; libdbus cannot tell it from a bus.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use zbus::{Connection, ObjectServer, OwnedObjectPath, OwnedVariant, connection, interface};

const ADAPTER: &str = "/org/bluez/hci0";

/// How a head behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two characteristics, written without response.
    Nordic,
    /// One characteristic for both.
    Hm10,
    /// Something that is no head at all.
    Keyboard,
    /// Answers no call to connect.
    NeverConnects,
    /// Connected, and never tells its services.
    NeverResolves,
    /// Breaks off the first two tries.
    ThirdTime,
    /// Nordic UART with the two characteristics the other way round.
    Swapped,
    /// A service nobody knows, with a second pair in it that is not the line.
    Yard,
}

/// One head and the meter behind it.
#[derive(Debug, Clone)]
pub struct Head {
    pub number: u8,
    pub kind: Kind,
    pub mtu: u16,
    /// Sent for every 100 bytes written.
    pub reply: Vec<u8>,
    /// Out of reach after so many notifications.
    pub leaves_after: Option<usize>,
}

impl Head {
    fn path(&self) -> String {
        format!("{ADAPTER}/dev_AA_BB_CC_00_00_{:02X}", self.number)
    }
}

/// Sizes of what was written, by head.
type Pieces = Arc<Mutex<BTreeMap<u8, Vec<usize>>>>;

/// A running fake. Its thread ends with the process.
pub struct Fake {
    pieces: Pieces,
}

impl Fake {
    pub fn pieces(&self) -> BTreeMap<u8, Vec<usize>> {
        self.pieces.lock().unwrap().clone()
    }
}

/// Serves the fake on `socket` from a thread of its own.
pub fn serve(socket: &Path, heads: Vec<Head>, adapter: bool) -> Fake {
    let pieces = Pieces::default();
    let seen = Arc::clone(&pieces);
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (heads, pieces) = (heads.clone(), Arc::clone(&seen));
                open.push(tokio::spawn(peer(stream, heads, pieces, adapter)));
            }
        });
    });
    Fake { pieces }
}

async fn peer(stream: tokio::net::UnixStream, heads: Vec<Head>, pieces: Pieces, has: bool) {
    let adapter = Adapter { heads, pieces, discovering: false };
    let connection = connection::Builder::unix_stream(stream.into_std().unwrap())
        .server(zbus::Guid::generate())
        .p2p()
        .serve_at("/", zbus::fdo::ObjectManager)
        .serve_at("/org/freedesktop/DBus", Bus)
        .build()
        .await
        .unwrap();
    if has {
        connection.object_server().at(ADAPTER, adapter).await.unwrap();
    }
    // Lives until the process ends; the other side hangs up when it likes.
    let _connection: Connection = connection;
    std::future::pending::<()>().await;
}

/// What libdbus asks of a bus.
struct Bus;

#[interface(name = "org.freedesktop.DBus")]
impl Bus {
    fn hello(&self) -> &str {
        ":1.1"
    }

    fn add_match(&self, _rule: &str) {}

    fn remove_match(&self, _rule: &str) {}

    fn name_has_owner(&self, _name: &str) -> bool {
        true
    }

    fn get_name_owner(&self, _name: &str) -> &str {
        ":1.0"
    }
}

struct Adapter {
    heads: Vec<Head>,
    pieces: Pieces,
    discovering: bool,
}

#[interface(name = "org.bluez.Adapter1")]
impl Adapter {
    async fn start_discovery(&mut self, #[zbus(object_server)] server: &ObjectServer) {
        self.discovering = true;
        for head in self.heads.clone() {
            let path = head.path();
            let pieces = Arc::clone(&self.pieces);
            let device = Device { head, pieces, connected: false, resolved: false, tries: 0 };
            server.at(path, device).await.unwrap();
        }
    }

    fn stop_discovery(&mut self) {
        self.discovering = false;
    }

    fn set_discovery_filter(&self, _filter: HashMap<String, OwnedVariant>) {}

    #[zbus(property)]
    fn address(&self) -> &str {
        "00:11:22:33:44:55"
    }

    #[zbus(property)]
    fn address_type(&self) -> &str {
        "public"
    }

    #[zbus(property)]
    fn name(&self) -> &str {
        "fake"
    }

    #[zbus(property)]
    fn alias(&self) -> &str {
        "fake"
    }

    #[zbus(property)]
    fn powered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn set_powered(&mut self, _powered: bool) {}

    #[zbus(property)]
    fn discovering(&self) -> bool {
        self.discovering
    }

    #[zbus(property)]
    fn modalias(&self) -> &str {
        "usb:v1D6Bp0246d0542"
    }
}

struct Device {
    head: Head,
    pieces: Pieces,
    connected: bool,
    resolved: bool,
    tries: u32,
}

#[interface(name = "org.bluez.Device1")]
impl Device {
    async fn connect(
        &mut self,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(signal_emitter)] emitter: zbus::object_server::SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        if self.head.kind == Kind::NeverConnects {
            std::future::pending::<()>().await;
        }
        self.tries += 1;
        if self.head.kind == Kind::ThirdTime && self.tries < 3 {
            return Err(zbus::fdo::Error::Failed("le-connection-abort-by-local".to_owned()));
        }
        self.connected = true;
        self.connected_changed(&emitter).await.unwrap();
        if self.head.kind == Kind::NeverResolves {
            return Ok(());
        }
        add_services(server, &self.head, &self.pieces).await;
        self.resolved = true;
        self.services_resolved_changed(&emitter).await.unwrap();
        Ok(())
    }

    async fn disconnect(
        &mut self,
        #[zbus(signal_emitter)] emitter: zbus::object_server::SignalEmitter<'_>,
    ) {
        self.connected = false;
        self.connected_changed(&emitter).await.unwrap();
    }

    #[zbus(property)]
    fn address(&self) -> String {
        format!("AA:BB:CC:00:00:{:02X}", self.head.number)
    }

    #[zbus(property)]
    fn address_type(&self) -> &str {
        "public"
    }

    #[zbus(property)]
    fn alias(&self) -> &str {
        "head"
    }

    #[zbus(property)]
    fn paired(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn trusted(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn blocked(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn legacy_pairing(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn connected(&self) -> bool {
        self.connected
    }

    #[zbus(property)]
    fn services_resolved(&self) -> bool {
        self.resolved
    }

    #[zbus(property)]
    fn adapter(&self) -> OwnedObjectPath {
        OwnedObjectPath::try_from(ADAPTER).unwrap()
    }
}

/// The services of a head, as `BlueZ` shows them once they are known.
async fn add_services(server: &ObjectServer, head: &Head, pieces: &Pieces) {
    let nordic = |n: u8| format!("6e40000{n}-b5a3-f393-e0a9-e50e24dcca9e");
    let short = |n: u16| format!("0000{n:04x}-0000-1000-8000-00805f9b34fb");
    let (service, lines) = match head.kind {
        Kind::Nordic | Kind::NeverConnects | Kind::NeverResolves | Kind::ThirdTime => (
            nordic(1),
            vec![(nordic(2), vec!["write-without-response", "write"]), (nordic(3), vec!["notify"])],
        ),
        Kind::Swapped => (
            nordic(1),
            vec![(nordic(3), vec!["write-without-response"]), (nordic(2), vec!["notify"])],
        ),
        Kind::Yard => (
            short(0xABCD),
            vec![
                (short(0xAB00), vec!["write", "notify"]),
                (short(0xAB02), vec!["write"]),
                (short(0xAB01), vec!["notify"]),
            ],
        ),
        Kind::Hm10 => (short(0xFFE0), vec![(short(0xFFE1), vec!["write", "notify"])]),
        Kind::Keyboard => (short(0x1812), vec![(short(0x2A4A), vec!["read"])]),
    };
    let parent = format!("{}/service0001", head.path());
    let last = lines.len() + 1;
    let notifies = format!("{parent}/char{last:04}");
    let _ = server.at(parent.as_str(), Service { uuid: service, device: head.path() }).await;
    for (index, (uuid, flags)) in lines.into_iter().enumerate() {
        let line = Line {
            uuid,
            flags: flags.into_iter().map(str::to_owned).collect(),
            service: parent.clone(),
            notifies: notifies.clone(),
            head: head.clone(),
            pieces: Arc::clone(pieces),
            written: 0,
            value: Vec::new(),
        };
        let _ = server.at(format!("{parent}/char{:04}", index + 2), line).await;
    }
}

struct Service {
    uuid: String,
    device: String,
}

#[interface(name = "org.bluez.GattService1")]
impl Service {
    #[zbus(property, name = "UUID")]
    fn uuid(&self) -> &str {
        &self.uuid
    }

    #[zbus(property)]
    fn primary(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn device(&self) -> OwnedObjectPath {
        OwnedObjectPath::try_from(self.device.as_str()).unwrap()
    }
}

/// A characteristic; the meter behind the head answers every 100 bytes.
struct Line {
    uuid: String,
    flags: Vec<String>,
    service: String,
    /// The characteristic that notifies, perhaps this one.
    notifies: String,
    head: Head,
    pieces: Pieces,
    written: usize,
    value: Vec<u8>,
}

#[interface(name = "org.bluez.GattCharacteristic1")]
impl Line {
    fn write_value(
        &mut self,
        value: Vec<u8>,
        _options: HashMap<String, OwnedVariant>,
        #[zbus(connection)] connection: &Connection,
    ) -> zbus::fdo::Result<()> {
        let number = self.head.number;
        // As BlueZ does with a write command that does not fit.
        if value.len() + 3 > usize::from(self.head.mtu) {
            return Err(zbus::fdo::Error::Failed("Failed to initiate write".to_owned()));
        }
        // The decoy of the yard head swallows everything.
        if self.uuid.starts_with("0000ab00") {
            return Ok(());
        }
        self.pieces.lock().unwrap().entry(number).or_default().push(value.len());
        self.written += value.len();
        if self.written >= 100 {
            self.written = 0;
            let answer = answer(connection.clone(), self.head.clone(), self.notifies.clone());
            tokio::spawn(answer);
        }
        Ok(())
    }

    fn start_notify(&self) {}

    fn stop_notify(&self) {}

    #[zbus(property, name = "UUID")]
    fn uuid(&self) -> &str {
        &self.uuid
    }

    #[zbus(property)]
    fn flags(&self) -> Vec<String> {
        self.flags.clone()
    }

    #[zbus(property, name = "MTU")]
    fn mtu(&self) -> u16 {
        self.head.mtu
    }

    #[zbus(property)]
    fn service(&self) -> OwnedObjectPath {
        OwnedObjectPath::try_from(self.service.as_str()).unwrap()
    }

    #[zbus(property)]
    fn value(&self) -> Vec<u8> {
        self.value.clone()
    }
}

/// Notifies the reply in pieces as long as the head allows, or leaves in the middle of it.
async fn answer(connection: Connection, head: Head, notifies: String) {
    let server = connection.object_server();
    let line = server.interface::<_, Line>(notifies).await.unwrap();
    for (index, piece) in head.reply.chunks(usize::from(head.mtu) - 3).enumerate() {
        if head.leaves_after == Some(index) {
            let device = server.interface::<_, Device>(head.path()).await.unwrap();
            device.get_mut().await.connected = false;
            let device_ref = device.get().await;
            device_ref.connected_changed(device.signal_emitter()).await.unwrap();
            return;
        }
        line.get_mut().await.value = piece.to_vec();
        line.get().await.value_changed(line.signal_emitter()).await.unwrap();
    }
}
