//! What a thief finds: in a home folder, in a copy of it, in what the program says and logs, and in
//! what is left of a process.

use std::io::BufRead;
use std::path::Path;
use std::process::{Command, Stdio};

use meterkit::report::Code;

use super::{Hand, bare, fails_with, lines, meterkit, ran};
use crate::support::DEVICE;
use crate::support::home::{Home, PIN};

/// Every file below a folder, with its bytes.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// A day's work from the command line: import, read, recharge, list.
fn work(hand: &Hand) {
    let token = hand.desk.sign(&hand.token());
    assert!(hand.import(&token).status.success());
    let commands: [&[&str]; 4] = [
        &["read", "--meter", "4711"],
        &["recharge", "--meter", "4711", "--confirm", "4711"],
        &["journal", "list"],
        &["trust"],
    ];
    for command in commands {
        let done = meterkit(&hand.home, &hand.on_line(command));
        assert!(done.status.success(), "{command:?}: {done:?}");
    }
}

#[test]
fn a_home_holds_nothing_in_clear() {
    let hand = Hand::new();
    work(&hand);
    let token = hand.desk.sign(&hand.token());
    let secrets: [(&str, &[u8]); 8] = [
        ("the PIN", PIN.as_bytes()),
        ("the meter's number", b"000000004711"),
        ("the meter's number, packed", &[0, 0, 0, 0, 0x47, 0x11]),
        ("the meter's number on the line", &[0x11, 0x47, 0, 0, 0, 0]),
        ("the account", b"330100004711"),
        ("the account, packed", &[0x33, 0x01, 0x00, 0x00, 0x47, 0x11]),
        ("the person's name", b"Operator test"),
        ("a token", &token[token.len() - 40..]),
    ];
    let mut found = Vec::new();
    files(&hand.home.store_dir(), &mut found);
    assert!(found.len() > 5, "journal, index, vault: {}", found.len());
    for (name, bytes) in &found {
        for (what, secret) in secrets {
            assert!(!holds(bytes, secret), "{what} stands in {name}");
        }
    }
    // The finder learns one thing: whom to give it back to.
    assert!(found.iter().any(|(_, bytes)| holds(bytes, DEVICE.as_bytes())));
}

#[test]
fn a_copied_home_opens_nothing() {
    let hand = Hand::new();
    work(&hand);
    let copy = tempfile::tempdir().unwrap();
    let done = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", hand.home.path().display()))
        .arg(copy.path())
        .status();
    assert!(done.unwrap().success());
    // On another machine the secret is not where the configuration says.
    std::fs::write(
        copy.path().join("config.toml"),
        format!("operator = \"test\"\ndevice_secret = \"{}/gone\"\n", copy.path().display()),
    )
    .unwrap();
    let before = {
        let mut found = Vec::new();
        files(&copy.path().join("store"), &mut found);
        found.sort();
        found
    };
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meterkit"));
        command.arg("--home").arg(copy.path()).arg("--pin-file").arg(hand.home.pin_file());
        command
    };
    for arguments in [&["tokens"][..], &["journal", "list"], &["trust"], &["sync"]] {
        fails_with(command, arguments, Code::SecretMissing);
    }
    let mut after = Vec::new();
    files(&copy.path().join("store"), &mut after);
    after.sort();
    assert!(before == after, "a try without the secret changes nothing");
}

#[test]
fn a_pin_is_in_no_output_and_no_log() {
    let hand = Hand::new();
    work(&hand);
    let commands: [&[&str]; 5] =
        [&["trust"], &["doctor"], &["operators"], &["journal", "list"], &["tokens"]];
    for arguments in commands {
        for json in [&[][..], &["--json"]] {
            let mut command = hand.home.command();
            command.env("METERKIT_LOG", "trace").args(json);
            let output = ran(command, arguments);
            for said in [&output.stdout, &output.stderr] {
                assert!(!holds(said, PIN.as_bytes()), "{arguments:?}");
                assert!(!holds(said, &"03".repeat(32).into_bytes()), "the seed: {arguments:?}");
            }
        }
    }
    let mut found = Vec::new();
    files(hand.home.path(), &mut found);
    for (name, bytes) in found {
        assert!(!holds(&bytes, PIN.as_bytes()), "the PIN stands in {name}");
    }
}

#[test]
fn wrong_pins_wait_through_restarts_and_whoever_is_not_known_too() {
    let hand = Hand::new();
    let wrong = hand.home.path().join("wrong");
    std::fs::write(&wrong, "11223399\n").unwrap();
    let wrong = wrong.display().to_string();
    let attempt = |operator: &str| {
        let arguments = ["--json", "--operator", operator, "--pin-file", &wrong, "trust"];
        let output = ran(bare(hand.home.path()), &arguments);
        lines(&output)[0]["error"]["code"].as_str().unwrap().to_owned()
    };
    // Each is a process of its own: nothing is remembered but on disk.
    let codes: Vec<String> = (0..5).map(|_| attempt("test")).collect();
    let (tried, waiting) = (Code::PinWrong.as_str(), Code::PinWait.as_str());
    assert_eq!(codes, [tried, tried, tried, waiting, waiting]);
    // The right PIN waits as well.
    let right = ran(hand.home.command(), &["--json", "trust"]);
    assert_eq!(lines(&right)[0]["error"]["code"], waiting);
    let codes: Vec<String> = (0..5).map(|_| attempt("nobody")).collect();
    assert_eq!(codes, [tried, tried, tried, waiting, waiting]);
}

#[cfg(target_os = "linux")]
#[test]
fn no_core_file_is_left() {
    let home = Home::new(&crate::support::Desk::new());
    let mut command = home.command();
    command.args(["sim", "serve", "--tcp", "127.0.0.1:0"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    // Once it has said something, what it does first is done.
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
}
