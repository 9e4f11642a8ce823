//! The real program in a real terminal, over an office in a folder: every page is opened, and the
//! terminal is left as it was; a review is settled and a token issued with keys alone, and the
//! ledger shows it to the next command.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::office::desk::{TENANT, figure};
use meterkit::office::local::Local;
use meterkit::office::{Ask, Cost, NewMeter, NewOperator, Offer, Office, Setup};
use meterkit::store::StoreKey;
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::{SyncError, enrol_over};
use meterkit::units::{Decision, PurchaseCount, Role};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// No page takes this long; it only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);
const PASSPHRASE: &str = "a passphrase for the desk";

/// A terminal with the desk in it.
struct Terminal {
    parser: vt100::Parser,
    writer: Box<dyn Write + Send>,
    output: mpsc::Receiver<Vec<u8>>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    raw: Vec<u8>,
}

impl Terminal {
    fn open(
        office: &std::path::Path,
        pass: &std::path::Path,
        lang: &str,
        size: (u16, u16),
    ) -> Self {
        let (cols, rows) = size;
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_meterkit-office"));
        command.args(["--data", &office.display().to_string(), "desk", "--lang", lang]);
        command.env("METERKIT_OFFICE_PASSPHRASE_FILE", pass);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let _master = pair.master;
            let mut buffer = [0; 4096];
            while let Ok(got @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..got].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |n: u16| std::num::NonZero::new(n).unwrap();
        let parser = vt100::Parser::new(cells(rows), cells(cols), 0);
        Self { parser, writer, output, child, raw: Vec::new() }
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until a text stands on the screen, however it is wrapped.
    fn sees(&mut self, text: &str) {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = Instant::now() + PATIENCE;
        while !flat(&self.text()).contains(&flat(text)) {
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => {
                    self.raw.extend(&bytes);
                    self.parser.process(&bytes);
                }
                Err(_) => panic!("{text:?} never came:\n{}", self.text()),
            }
        }
    }

    /// Waits until a page is open, by its title, and its hint stands too.
    fn opens(&mut self, title: &str) {
        let end = Instant::now() + PATIENCE;
        let first = |text: String| text.lines().next().unwrap_or_default().trim().to_owned();
        while first(self.text()) != title {
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("no page {title:?}:\n{}", self.text()));
            self.raw.extend(&bytes);
            self.parser.process(&bytes);
        }
        self.sees("F1");
    }

    fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits for the end; tells the exit status and what the terminal was left with.
    fn ends(mut self) -> (u32, vt100::Parser, Vec<u8>) {
        let status = self.child.wait().unwrap();
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_secs(5)) {
            self.raw.extend(&bytes);
            self.parser.process(&bytes);
        }
        (status.exit_code(), self.parser, self.raw)
    }
}

const ENTER: &str = "\r";
const ESC: &str = "\x1b";
const F2: &str = "\x1bOQ";
const RIGHT: &str = "\x1b[C";
const UP: &str = "\x1b[A";

/// An office in a folder with two meters, a handheld, and a dispute.
fn office() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pass"), format!("{PASSPHRASE}\n")).unwrap();
    let ask: &Ask<'_> = &|_, _| Ok(PASSPHRASE.into());
    let setup = Setup { cost: Cost::TEST, ..Setup::usual(TENANT) };
    let folder = dir.path().join("office");
    let local = Local::start(|| async { Office::init(&folder, &setup, ask).await }).unwrap();
    let office = local.office();
    let meters = ["47", "48"].map(|no| {
        let (meter, account) = (no.parse().unwrap(), crate::office::desk::account());
        let mut new = NewMeter::new(meter, account, "Zhang San", "B2 1203");
        new.count = PurchaseCount(5);
        new
    });
    local.wait(office.add_meters(&meters)).unwrap();
    let new = NewOperator::new("1001".parse().unwrap(), "Zhao Min", Role::Supervisor);
    local.wait(office.add_operator(&new)).unwrap();
    let device = "hh-1".parse().unwrap();
    let offer = Offer::new(&device, "http://127.0.0.1:1");
    let file = local.wait(office.offer(&offer)).unwrap().file;
    let post = |path: &str, body: &[u8]| {
        let answer = local.answer(path, body);
        answer.map_err(|error| SyncError::Unreachable(error.to_string()))
    };
    let (key, now) = (StoreKey::from_bytes([77; 32]), office.now().0);
    let stamp = || crate::office::desk::stamp(now);
    let enrolling = Enrolling::read(&file).unwrap();
    let store = enrol_over(&dir.path().join("hh"), &key, &enrolling, &stamp(), &post).unwrap();
    let hand = crate::office::desk::Handheld {
        store,
        clock: std::sync::Arc::new(now.into()),
        dir: tempfile::tempdir().unwrap(),
    };
    let order =
        meterkit::office::Order { meter: "48".parse().unwrap(), amount: 10_000, device, days: 3 };
    let torn = local.wait(office.issue(&order)).unwrap();
    hand.sync(&post).unwrap();
    hand.recharge(torn.id, Decision::TornWrite);
    hand.sync(&post).unwrap();
    let report = local.wait(office.report()).unwrap();
    assert_eq!(figure(&report, "disputed"), 1);
    local.wait(office.close());
    dir
}

#[test]
fn every_page_opens_and_the_terminal_is_left_as_it_was() {
    let dir = office();
    let (folder, pass) = (dir.path().join("office"), dir.path().join("pass"));
    for (lang, size, zero) in [("en", (80, 24), "sum to zero"), ("zh", (40, 20), "合计为零")] {
        let mut terminal = Terminal::open(&folder, &pass, lang, size);
        terminal.sees(zero);
        let titles = match lang {
            "en" => [
                ("1", "Review queue"),
                ("2", "Handhelds"),
                ("3", "Meters, customers"),
                ("4", "Issue a token"),
                ("5", "Issue by list"),
                ("6", "Tokens in doubt"),
                ("7", "Operators"),
                ("8", "Prices, bundles"),
                ("9", "Sales"),
                ("0", "Lost contact"),
            ],
            _ => [
                ("1", "核查队列"),
                ("2", "掌机"),
                ("3", "电表与客户"),
                ("4", "签发令牌"),
                ("5", "按表签发"),
                ("6", "存疑令牌"),
                ("7", "操作员"),
                ("8", "电价与参数包"),
                ("9", "销售统计"),
                ("0", "失联"),
            ],
        };
        let home = if lang == "en" { "Today" } else { "今日" };
        for (key, title) in titles {
            terminal.keys(key);
            terminal.opens(title);
            terminal.keys(ESC);
            terminal.opens(home);
        }
        terminal.keys(ESC);
        terminal.sees(if lang == "en" { "Leave the desk?" } else { "退出后台？" });
        terminal.keys(ENTER);
        let (status, parser, raw) = terminal.ends();
        assert_eq!(status, 0);
        let screen = parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "the terminal was kept");
        assert!(!screen.bracketed_paste());
        assert!(raw.windows(8).any(|w| w == b"\x1b[?1049h"), "it never had the screen");
    }
}

#[test]
fn a_review_is_settled_and_a_token_issued_with_keys_alone() {
    let dir = office();
    let (folder, pass) = (dir.path().join("office"), dir.path().join("pass"));
    let mut terminal = Terminal::open(&folder, &pass, "en", (40, 20));
    terminal.sees("sum to zero");
    terminal.keys("1");
    terminal.sees("C10");
    terminal.keys(F2);
    terminal.sees("Verdict*");
    // Not in the meter; the reason in digits alone.
    terminal.keys("2");
    terminal.sees("not in the meter>");
    terminal.keys(ENTER);
    terminal.keys("7");
    terminal.keys(ENTER);
    terminal.sees("goes back to the customer");
    terminal.sees("type 0048");
    terminal.keys("0048");
    terminal.keys(ENTER);
    terminal.sees("+ Done.");
    terminal.keys(ESC);
    terminal.sees("Nothing waits for a person");
    terminal.keys(ESC);
    terminal.opens("Today");
    terminal.keys("4");
    terminal.sees("Meter*");
    for text in ["47", "12.50"] {
        terminal.keys(text);
        terminal.keys(ENTER);
    }
    terminal.keys(RIGHT);
    terminal.sees(" hh-1_");
    (0..4).for_each(|_| terminal.keys(ENTER));
    terminal.sees("type 0047");
    terminal.keys("0047");
    terminal.keys(ENTER);
    terminal.sees("+ Done.");
    terminal.keys(ENTER);
    terminal.sees("sum to zero");
    terminal.keys(ESC);
    terminal.sees("Enter leaves");
    terminal.keys(ENTER);
    assert_eq!(terminal.ends().0, 0);
    let local = Local::open(&folder).unwrap();
    let report = local.wait(local.office().report()).unwrap();
    assert!(report.sound());
    assert_eq!(figure(&report, "disputed"), 0);
    assert_eq!(figure(&report, "voided"), 1);
    assert_eq!(figure(&report, "in-transit"), 1_250);
}

#[test]
fn a_hangup_gives_the_terminal_back() {
    let dir = office();
    let (folder, pass) = (dir.path().join("office"), dir.path().join("pass"));
    let mut terminal = Terminal::open(&folder, &pass, "en", (80, 24));
    terminal.sees("sum to zero");
    terminal.keys(UP);
    let id = terminal.child.process_id().unwrap();
    let pid = rustix::process::Pid::from_raw(id.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (status, parser, _) = terminal.ends();
    assert_eq!(status, 0);
    assert!(!parser.screen().alternate_screen() && !parser.screen().hide_cursor());
}
