//! A program of others: PyPI `dlms-cosem` (u9n) 25.1.0, which shares no code with us.
//!
//! Its frames and messages make a meter that our conversation reads, and its client reads the meter
//! of these tests. It is installed into a virtual environment below the temporary folder; where
//! that cannot be done (no Python, no network) the test says "skipped: ..." and ends. It knows no
//! SET or ACTION in blocks and takes no link parameters; its `GetResponseNormal.to_bytes` always
//! fails and is replaced; it writes lengths from 128 on in one byte, so the long value is written
//! by hand.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use meterkit::protocol::dlms::{Answer, Auth, Data, Entry, Got, Request, Session};
use meterkit::protocol::exchange::{Reply, Retry};

use super::line::*;
use super::meter::Meter;

const PACKAGE: &str = "dlms-cosem==25.1.0";

/// The library's frames and messages as a meter: a line of hex in, a line of hex out.
const METER: &str = r#"
import logging, sys
import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
from dlms_cosem import dlms_data, enumerations as e
from dlms_cosem.connection import XDlmsApduFactory as Factory
from dlms_cosem.hdlc import address, frames
from dlms_cosem.protocol import acse, xdlms
from dlms_cosem.protocol.acse.user_information import UserInformation
from dlms_cosem.protocol.xdlms.conformance import Conformance

def normal(self):
    return b"\xc4\x01" + self.invoke_id_and_priority.to_bytes() + b"\x00" + self.data
xdlms.GetResponseNormal.to_bytes = normal

me = address.HdlcAddress(1, None, "server")
you = address.HdlcAddress(16, None, "client")
objects = {(3, "1.0.1.8.0.255", 2): bytes.fromhex("060012d687"),
           (1, "0.0.42.0.0.255", 2): b"\x09\x04NAME"}
long = b"\x09\x81\xc8" + bytes(range(200))
ns = nr = 0
blocks = []

def told(apdu):
    global blocks
    ask = Factory.apdu_from_bytes(apdu)
    if not isinstance(ask, acse.ApplicationAssociationRequest):
        assert ask.to_bytes() == apdu, (ask.to_bytes().hex(), apdu.hex())
    if isinstance(ask, acse.ApplicationAssociationRequest):
        proposed = ask.user_information.content.proposed_conformance
        assert proposed.get and proposed.set and proposed.action, proposed
        assert ask.user_information.content.client_max_receive_pdu_size == 65535
        given = ask.authentication_value
        good = given is not None and bytes(given) == b"12345678"
        names = e.AcseServiceUserDiagnostics
        return acse.ApplicationAssociationResponse(
            result=e.AssociationResult.ACCEPTED if good else e.AssociationResult.REJECTED_PERMANENT,
            result_source_diagnostics=names.NULL if good else names.AUTHENTICATION_FAILED,
            user_information=UserInformation(content=xdlms.InitiateResponse(
                negotiated_conformance=Conformance(get=True, set=True, action=True,
                    multiple_references=True, block_transfer_with_get_or_read=True),
                server_max_receive_pdu_size=400)))
    if isinstance(ask, acse.ReleaseRequest):
        return acse.ReleaseResponse(reason=e.ReleaseResponseReason.NORMAL)
    invoke = ask.invoke_id_and_priority
    if isinstance(ask, xdlms.GetRequestNormal):
        at = ask.cosem_attribute
        key = (int(at.interface), at.instance.to_string(separator="."), at.attribute)
        if key[0] == 7:
            blocks = [long[:90], long[90:180], long[180:]]
            return xdlms.GetResponseWithBlock(blocks.pop(0), 1, invoke)
        if key not in objects:
            return xdlms.GetResponseNormalWithError(e.DataAccessResult.OBJECT_UNDEFINED, invoke)
        return xdlms.GetResponseNormal(objects[key], invoke)
    if isinstance(ask, xdlms.GetRequestNext):
        kind = xdlms.GetResponseWithBlock if len(blocks) > 1 else xdlms.GetResponseLastBlock
        return kind(blocks.pop(0), ask.block_number + 1, invoke)
    if isinstance(ask, xdlms.GetRequestWithList):
        assert len(ask.cosem_attributes_with_selection) == 2
        return xdlms.GetResponseWithList(
            [dlms_data.UnsignedIntegerData(5), e.DataAccessResult.READ_WRITE_DENIED], invoke)
    if isinstance(ask, xdlms.SetRequestNormal):
        assert bytes(ask.data) == b"\x11\x07", ask.data
        return xdlms.SetResponseNormal(e.DataAccessResult.TYPE_UNMATCHED, invoke)
    if isinstance(ask, xdlms.ActionRequestNormal):
        return xdlms.ActionResponseNormal(e.ActionResultStatus.SUCCESS, invoke)
    raise ValueError(ask)

for line in sys.stdin:
    data = bytes.fromhex(line)
    control = data[5]
    if control == 0x93:
        ns = nr = 0
        out = frames.UnNumberedAcknowledgmentFrame(you, me)
    elif control == 0x53:
        frames.DisconnectFrame.from_bytes(data)
        out = frames.UnNumberedAcknowledgmentFrame(you, me)
    else:
        frame = frames.InformationFrame.from_bytes(data)
        assert frame.send_sequence_number == nr and frame.receive_sequence_number == ns, frame
        assert frame.information.startswith(b"\xe6\xe6\x00") and not frame.segmented
        nr = (nr + 1) % 8
        answer = told(frame.information[3:])
        out = frames.InformationFrame(you, me, b"\xe6\xe7\x00" + answer.to_bytes(),
                                      send_sequence_number=ns, receive_sequence_number=nr)
        ns = (ns + 1) % 8
    print(out.to_bytes().hex(), flush=True)
"#;

/// The library's client: a line of hex out, a line of hex in.
const CLIENT: &str = r#"
import logging, sys
import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
from dlms_cosem import cosem, enumerations as e, utils
from dlms_cosem.client import DlmsClient
from dlms_cosem.io import HdlcTransport
from dlms_cosem.security import LowLevelSecurityAuthentication

class Line:
    def connect(self): pass
    def disconnect(self): pass
    def send(self, data):
        print(bytes(data).hex(), flush=True)
        self.heard = bytes.fromhex(sys.stdin.readline())
    def recv(self, amount=1):
        part, self.heard = self.heard[:amount], self.heard[amount:]
        return part
    def recv_until(self, end):
        heard, self.heard = self.heard, b""
        return heard

def at(kind, obis, number):
    return cosem.CosemAttribute(kind, cosem.Obis(*obis), number)

client = DlmsClient(
    transport=HdlcTransport(client_logical_address=16, server_logical_address=1, io=Line()),
    authentication=LowLevelSecurityAuthentication(secret=b"12345678"))
with client.session() as session:
    energy = session.get(at(e.CosemInterface.REGISTER, (1, 0, 1, 8, 0, 255), 2))
    long = session.get(at(e.CosemInterface.PROFILE_GENERIC, (1, 0, 99, 1, 0, 255), 2))
    answer = session.set(at(e.CosemInterface.DATA, (0, 0, 42, 0, 0, 255), 2), b"\x11\x07")
print("done", utils.parse_as_dlms_data(energy), long.hex(), answer.result.name, flush=True)
"#;

/// Runs a command; why it failed.
fn run(command: &mut Command) -> Result<(), String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&done.stderr).trim().lines().last().map(str::to_owned);
    if done.status.success() { Ok(()) } else { Err(said.unwrap_or_default()) }
}

/// Two tests must not make the same environment at once.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A Python that has the package, made once and kept; `None` (and a word) where it cannot be had.
fn python() -> Option<PathBuf> {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = std::env::temp_dir().join("meterkit-peer-dlms-cosem");
    let works = |home: &Path| {
        let python = home.join("bin/python");
        run(Command::new(&python).args(["-c", "import dlms_cosem"])).is_ok().then_some(python)
    };
    if let Some(python) = works(&kept) {
        return Some(python);
    }
    // Made under a name of its own, so that a half-made one is never found.
    let own = std::env::temp_dir().join(format!("meterkit-peer-dlms-{}", std::process::id()));
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&own)).and_then(|()| {
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
        run(Command::new(own.join("bin/python")).args(quiet))
    });
    if let Err(error) = made {
        let _ = std::fs::remove_dir_all(&own);
        println!("skipped: cannot install {PACKAGE}: {error}");
        return None;
    }
    let moved = std::fs::rename(&own, &kept).is_ok();
    works(if moved { &kept } else { &own })
}

/// A script that speaks in lines of hex; killed when dropped.
struct Peer {
    child: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Peer {
    fn start(script: &str) -> Option<Self> {
        let mut child = Command::new(python()?)
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let say = child.stdin.take().unwrap();
        let hear = BufReader::new(child.stdout.take().unwrap());
        Some(Self { child, say, hear })
    }

    fn say(&mut self, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(self.say, "{hex}").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.hear.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Every message of ours is read by the library and written again to the same bytes (in the
/// script), and what the library writes is read by us.
#[test]
fn our_conversation_reads_a_meter_made_of_u9n() {
    let Some(mut peer) = Peer::start(METER) else { return };
    let requests = vec![
        get(ENERGY),
        get((1, [9; 6], 2)),
        get(LONG),
        Request::GetList(vec![at(ENERGY), at(NAME)]),
        Request::Set(at(NAME), Data::Uint(1, 7)),
        Request::Action(at((70, [0, 0, 96, 3, 10, 255], 1)), Some(Data::Int(1, 0))),
        get(NAME),
    ];
    let auth = Auth::Password(b"12345678".to_vec());
    let mut session = Session::new(address(), auth, requests, timing(), Retry::NONE, Entry::Direct);
    let talk = talk(&mut session, |_, asked| {
        peer.say(asked);
        vec![burst(TURNAROUND, bytes(&peer.line()))]
    });
    let ended = talk.output;
    assert_eq!(ended.failure, None);
    assert_eq!(ended.association.unwrap().max_pdu, 400);
    let value = |data| Reply::Data(Answer::Value(data));
    let code = |reply: &Reply<Answer>| match reply {
        Reply::Refused(refusal) => refusal.name,
        Reply::Data(_) => "",
    };
    assert_eq!(ended.replies[0], value(Data::Uint(4, 1_234_567)));
    assert_eq!(code(&ended.replies[1]), "object-undefined");
    assert_eq!(ended.replies[2], value(Data::Octets((0..200).collect())));
    let list = Answer::List(vec![Got::Data(Data::Uint(1, 5)), Got::Refused(3)]);
    assert_eq!(ended.replies[3], Reply::Data(list));
    assert_eq!(code(&ended.replies[4]), "type-unmatched");
    assert_eq!(ended.replies[5], Reply::Data(Answer::Done(None)));
    assert_eq!(ended.replies[6], value(Data::Octets(b"NAME".to_vec())));
}

/// The meter these tests lean on is one to a client of others, too.
#[test]
fn the_client_of_u9n_reads_the_meter_of_these_tests() {
    let Some(mut peer) = Peer::start(CLIENT) else { return };
    let password = Some(b"12345678".to_vec());
    let mut meter = Meter { password, block: 250, info: 100, ..meter() };
    let told = loop {
        let line = peer.line();
        if line.starts_with("done") || line.is_empty() {
            break line;
        }
        let answer = meter.hear(&bytes(&line)).unwrap_or_default();
        peer.say(&answer);
    };
    let long: String = long_value().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told, format!("done 1234567 09820255{long} SUCCESS"));
    assert_eq!(meter.done, [(NAME, vec![0x11, 0x07])]);
    assert!(!meter.connected);
}
