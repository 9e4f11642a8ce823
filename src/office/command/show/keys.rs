//! What commands about keys print. Never a secret.

use super::shown;
use crate::office::command::Shown;
use crate::office::{Check, KeyInfo, KeyRevoked, Office, Sealed};
use meterkit_tokens::{PublicKey, Root};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key_json(info: &KeyInfo) -> Value {
    json!({
        "name": info.name, "purpose": info.purpose, "kid": info.kid, "state": info.state,
        "not_after": info.not_after,
    })
}

fn key_line(info: &KeyInfo) -> String {
    let name = if info.name.is_empty() { "-" } else { &info.name };
    let until = info.not_after.map_or(String::new(), |at| format!(" until {at}"));
    format!("{name:<13}{:<11}{}  {}{until}\n", info.purpose, info.kid, info.state)
}

pub(in crate::office::command) fn keys(office: &Office) -> Shown {
    let list = office.key_list();
    let (root, keyset) = office.key_versions();
    let json = json!({
        "root_key": office.fingerprint(), "root": root, "keyset": keyset,
        "keys": list.iter().map(key_json).collect::<Vec<_>>(),
    });
    let mut text = format!("root {root} ({}), keyset {keyset}\n", office.fingerprint());
    list.iter().for_each(|info| text.push_str(&key_line(info)));
    shown(json, text)
}

pub(in crate::office::command) fn key(info: &KeyInfo) -> Shown {
    shown(key_json(info), key_line(info))
}

pub(in crate::office::command) fn root_key(key: &Sealed, out: &Path) -> Shown {
    let (public, file) = (hex(&key.public), out.display().to_string());
    let json = json!({ "name": key.name, "public": public, "file": file });
    let text = format!(
        "root key {} in {file}\npublic key {public}\n\
         The office needs the public key alone: keys root draft --add {public}\n",
        key.name
    );
    shown(json, text)
}

/// What a draft says; the holders compare the digest.
pub(in crate::office::command) fn draft(root: &Root, signatures: usize) -> Shown {
    let kids = |keys: &[PublicKey]| -> Vec<String> {
        keys.iter().map(|key| key.kid().to_string()).collect()
    };
    let digest = root.hash().map(|hash| hex(&hash)).unwrap_or_default();
    let (keys, keyset) = (kids(&root.keys), kids(&root.keyset_keys));
    let json = json!({
        "tenant": root.tenant, "version": root.version, "digest": digest,
        "expires": root.expires, "threshold": root.threshold, "keys": keys,
        "keyset_keys": keyset, "signatures": signatures,
    });
    let mut text = format!(
        "root {} of {}, until {}\n{} of these must sign:\n",
        root.version, root.tenant, root.expires, root.threshold
    );
    keys.iter().for_each(|kid| text.push_str(&format!("  {kid}\n")));
    let _ = writeln!(text, "keysets are signed by {}", keyset.join(" "));
    let _ = writeln!(text, "digest {digest}\nsignatures so far: {signatures}");
    shown(json, text)
}

pub(in crate::office::command) fn drafted(root: &Root, signatures: usize, file: &Path) -> Shown {
    let mut shown = draft(root, signatures);
    shown.json["file"] = json!(file.display().to_string());
    let _ = writeln!(shown.text, "written to {}", file.display());
    shown
}

pub(in crate::office::command) fn renewed(office: &Office) -> Shown {
    let mut shown = keys(office);
    shown.text.push_str("A server that is running answers no more: start it again.\n");
    shown
}

pub(in crate::office::command) fn key_revoked(office: &Office, done: &KeyRevoked) -> Shown {
    let replaced = done
        .replaced
        .iter()
        .map(|(old, new)| json!({ "token": old.to_string(), "by": new.id.to_string() }));
    let grants = done
        .grants
        .iter()
        .map(|(operator, device)| json!({ "operator": operator.as_str(), "device": device }));
    let in_doubt: Vec<String> = done.in_doubt.iter().map(|token| token.to_string()).collect();
    let json = json!({
        "purpose": done.purpose.name(),
        "keyset": office.key_versions().1,
        "replaced": replaced.collect::<Vec<_>>(),
        "in_doubt": in_doubt,
        "grants": grants.collect::<Vec<_>>(),
    });
    let mut text = format!("a key for {} was cut off\n", done.purpose.name());
    for (old, new) in &done.replaced {
        let _ = writeln!(text, "token {old} died; {} replaces it at the same step", new.id);
    }
    for token in &done.in_doubt {
        let _ = writeln!(text, "token {token} died and may have been sent: settle it");
    }
    for (operator, device) in &done.grants {
        let _ = writeln!(text, "grant again: operator grant {operator} {device}");
    }
    text.push_str("A server that is running answers no more: start it again.\n");
    shown(json, text)
}

pub(in crate::office::command) fn passphrase(key: &str) -> Shown {
    shown(json!({ "key": key, "changed": true }), format!("{key} has another passphrase\n"))
}

pub(in crate::office::command) fn check(found: &Check) -> Shown {
    let json = json!({
        "good": found.faults.is_empty(), "faults": found.faults, "warnings": found.warnings,
    });
    let mut text = String::new();
    found.faults.iter().for_each(|fault| text.push_str(&format!("FAULT {fault}\n")));
    found.warnings.iter().for_each(|warning| text.push_str(&format!("warning: {warning}\n")));
    if found.faults.is_empty() {
        text.push_str("the chain holds\n");
    }
    Shown { json, text, good: found.faults.is_empty() }
}
