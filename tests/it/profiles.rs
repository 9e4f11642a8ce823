//! Profiles as users write them: what is told about a file, line by line; and the built-in ones
//! held against the tables and the reference.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use meterkit::profile::{
    Class, KNOWN_ITEMS, Manners, MoneyAt, Part, Place, Profile, ProfileFault, Profiles, Protocol,
    What,
};
use meterkit::protocol::dlt645::items;
use meterkit::protocol::form::Form;
use serde_json::{Value, json};

fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/profiles");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// `line key code` of every fault.
fn told(faults: &[ProfileFault]) -> Vec<String> {
    faults.iter().map(|f| format!("{} {} {}", f.line, f.key, f.what.code())).collect()
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_its_line() {
    let text = fixture("many-faults.toml");
    let (profile, faults) = Profile::check(&text);
    assert_eq!(profile, None);
    let expected = [
        "2 id wrong-value",
        "3 name wrong-value",
        "5 class wrong-value",
        "7 confidence wrong-value",
        "8 colour unknown-key",
        "11 line.baud wrong-value",
        "12 line.parity wrong-value",
        "16 timing.tries missing",
        "17 timing.answer_ms wrong-value",
        "18 timing.gap_ms wrong-value",
        "22 item[1].at wrong-value",
        "25 item[2].form missing",
        "29 item[3].name twice",
        "33 item[3].len wrong-value",
        "35 item[4].name unknown-name",
        "39 item[4].len wrong-value",
        "42 status[1].item no-such-item",
        "43 status[1].bit wrong-value",
        "49 terminal.boxes wrong-value",
        "50 terminal.three_phase wrong-value",
        "53 money unsure",
        "54 money.unit wrong-value",
        "55 money.price_fen_per_kwh wrong-value",
        "57 money.identity.words missing",
        "58 money.account.form wrong-value",
        "59 money.count.words wrong-value",
        "60 money.balance.unit unknown-key",
        "61 money.recharge.parts[1].form wrong-value",
        "61 money.recharge.parts[2].part wrong-value",
        "61 money.recharge.parts wrong-value",
    ];
    assert_eq!(told(&faults), expected);
    let lines: Vec<&str> = text.lines().collect();
    for fault in faults.iter().filter(|fault| fault.what.is_fault()) {
        let key = fault.key.rsplit('.').next().unwrap();
        let here = lines[fault.line - 1];
        let missing = matches!(fault.what, What::Missing { .. } | What::Twice { .. });
        assert!(missing || here.contains(key.split('[').next().unwrap()), "{fault}: {here}");
        assert!(!fault.to_string().is_empty());
    }
}

#[test]
fn a_whole_modbus_profile_is_read_as_it_is_written() {
    let (profile, faults) = Profile::check(&fixture("shop-modbus.toml"));
    assert_eq!(told(&faults), Vec::<String>::new());
    let profile = profile.unwrap();
    assert_eq!((profile.class, profile.protocol), (Class::C, Protocol::ModbusRtu));
    assert_eq!(profile.timing.silence.as_millis(), 5);
    assert_eq!(profile.items[1].at, Place::Register { function: 4, address: 0x0100 });
    assert_eq!((profile.items[1].confidence, profile.items[1].source.as_str()), ('B', "measured"));
    assert_eq!((profile.items[0].confidence, profile.items[0].decimals), ('A', 2));
    let terminal = profile.terminal.unwrap();
    assert_eq!((terminal.three_phase, terminal.single_phase), (0x0903, 0x0904));
    assert_eq!(profile.status[0].name, "relay-open");
    let Some(MoneyAt::Modbus(money)) = profile.money.map(|money| money.at) else { panic!() };
    assert_eq!((money.identity.register, money.identity.words), (0x0A00, 3));
    assert_eq!((money.write, money.balance.words), (0x050D, 2));
    let parts = [(Part::Amount, Form::U32), (Part::Count, Form::U16), (Part::Account, Form::Bcd)];
    assert_eq!(money.parts, parts);
    assert_eq!(money.last.unwrap()[1].register, 0x0A07);
}

#[test]
fn half_the_money_reads_and_says_what_a_recharge_lacks() {
    let (profile, faults) = Profile::check(&fixture("half-money.toml"));
    let profile = profile.unwrap();
    assert_eq!(profile.money, None, "no recharge without identity, account and layout");
    assert_eq!(profile.money_lacks, ["identity", "account", "recharge"]);
    assert_eq!(told(&faults), ["28 money money-incomplete"]);
    assert!(faults[0].to_string().contains("identity, account, recharge"), "{}", faults[0]);
    let built_in = Profile::built_in("adf400l-1p").unwrap();
    assert_eq!(profile.items.len(), built_in.items.len());
    let unit = |p: &Profile| p.items.iter().find(|i| i.name == "balance").unwrap().unit.clone();
    assert_eq!((unit(&built_in), unit(&profile)), ("kWh".to_owned(), "yuan".to_owned()));
}

/// A small sound file, to spoil.
fn small(protocol: &str, rest: &str) -> String {
    format!(
        "id = \"x\"\nname = \"X\"\nprotocol = \"{protocol}\"\nsource = \"s\"\nconfidence = \"B\"\n\
         [line]\nbaud = 2400\nparity = \"even\"\ndata_bits = 8\nstop_bits = 1\n\
         [timing]\nanswer_ms = 500\ngap_ms = 500\ntries = 3\n{rest}"
    )
}

fn item(name: &str, at: &str, more: &str) -> String {
    format!("[[item]]\nname = \"{name}\"\nat = \"{at}\"\n{more}\n")
}

#[test]
fn doubts_are_told_and_forbid_nothing() {
    let u32_ = "form = \"u32\"";
    let cases = [
        ("modbus-rtu", item("energy", "03:0000", u32_), "0 money no-money"),
        ("modbus-rtu", item("x-ray", "03:0000", u32_), "15 item[1].name unknown-name"),
        (
            "modbus-rtu",
            item("energy", "03:0000", u32_) + &item("power", "03:0001", "form = \"u16\""),
            "19 item[2].at overlap",
        ),
        (
            "modbus-rtu",
            item("energy", "03:0000", u32_) + &item("power", "03:0000", u32_),
            "19 item[2].at same-place",
        ),
        ("dlt645-2007", item("energy", "12345678", ""), "15 item[1].at not-in-tables"),
        ("dlt645-1997", item("energy", "EEEE", ""), "15 item[1].at not-in-tables"),
    ];
    for (protocol, rest, expect) in cases {
        let (profile, faults) = Profile::check(&small(protocol, &rest));
        assert!(profile.is_some(), "{rest}: {faults:?}");
        assert!(told(&faults).iter().any(|have| have == expect), "{expect}: {:?}", told(&faults));
    }
    // Halves of a word, another function, neighbours: nothing doubtful.
    let fine = item("ct", "03:0000", "form = \"high\"")
        + &item("pt", "03:0000", "form = \"low\"")
        + &item("energy", "04:0000", u32_)
        + &item("power", "03:0001", "form = \"u16\"");
    let (_, faults) = Profile::check(&small("modbus-rtu", &fine));
    assert_eq!(told(&faults), ["0 money no-money"]);
}

#[test]
fn what_does_not_go_with_the_protocol_is_refused() {
    let money = "[money]\nunit = \"yuan\"\n";
    let terminal = "[terminal]\nstep = 36\n";
    for (protocol, rest, expect) in [
        ("cjt188", money, "15 money not-with-this-protocol"),
        ("dlt645-1997", money, "15 money not-with-this-protocol"),
        ("dlt645-2007", terminal, "15 terminal not-with-this-protocol"),
        ("modbus-rtu", "items_of = \"tms\"\n", "items_of"),
        ("cjt188", "[iec62056]\nwake = true\n", "15 iec62056 not-with-this-protocol"),
        ("iec62056-21", "[cjt188]\nreturns_serial = true\n", "15 cjt188 not-with-this-protocol"),
        ("iec62056-21", "[iec62056]\nwake = 1\n", "16 iec62056.wake wrong"),
        ("iec62056-21", "[iec62056]\nwakes = true\n", "16 iec62056.wakes unknown"),
    ] {
        // A top key has to stand before the first section.
        let text = match rest.starts_with('[') {
            true => small(protocol, rest),
            false => rest.to_owned() + &small(protocol, ""),
        };
        let (profile, faults) = Profile::check(&text);
        assert_eq!(profile, None, "{rest}");
        assert!(told(&faults).iter().any(|have| have.contains(expect)), "{:?}", told(&faults));
    }
}

/// A row of the account may be surer, or less sure, than what is read.
#[test]
fn the_account_has_a_confidence_of_its_own() {
    let money = |text: &str| {
        let (profile, faults) = Profile::check(text);
        let unsure = faults.iter().any(|fault| matches!(fault.what, What::Unsure { .. }));
        let rules = profile.unwrap().money.unwrap();
        (rules.confidence, rules.source, unsure)
    };
    let shop = fixture("shop-modbus.toml");
    let (sure, source, unsure) = money(&shop);
    assert!(('A'..='B').contains(&sure) && !unsure, "{sure} {source}");
    let own = "[money]\nsource = \"a forum\"\nconfidence = \"D\"\n";
    let doubtful = shop.replace("[money]\n", own);
    assert_eq!(money(&doubtful), ('D', "a forum".to_owned(), true));
    let ko = Profile::built_in_text("ko").unwrap();
    let own = "[money]\nsource = \"KO, protocol V3\"\nconfidence = \"A\"\n";
    assert_eq!(money(ko).0, 'C');
    let proved = ko.replace("[money]\n", own);
    assert_eq!(money(&proved), ('A', "KO, protocol V3".to_owned(), false));
    let (_, faults) = Profile::check(&ko.replace("[money]\n", "[money]\nconfidence = \"E\"\n"));
    let wrong: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
    assert!(wrong.contains(&"money.confidence"), "{wrong:?}");
}

#[test]
fn manners_are_those_of_the_file_and_harmless_where_it_says_nothing() {
    let read = |protocol: &str, rest: &str| {
        let (profile, faults) = Profile::check(&small(protocol, rest));
        profile.unwrap_or_else(|| panic!("{:?}", told(&faults))).manners
    };
    for protocol in ["iec62056-21", "cjt188", "modbus-rtu"] {
        assert_eq!(read(protocol, ""), Manners::default());
    }
    let both = "[iec62056]\nwake = true\nhead_follows = true\n";
    let expect = Manners { wake: true, head_follows: true, no_serial: false };
    assert_eq!(read("iec62056-21", both), expect);
    let expect = Manners { no_serial: true, ..Manners::default() };
    assert_eq!(read("cjt188", "[cjt188]\nreturns_serial = false\n"), expect);
    let echoes = "[cjt188]\nreturns_serial = true\n";
    assert_eq!(read("cjt188", echoes), Manners::default());
}

#[test]
fn an_unsure_recharge_is_told() {
    for id in ["tms", "ko", "ko-2018", "kede", "tw-gateway"] {
        let (_, faults) = Profile::check(Profile::built_in_text(id).unwrap());
        assert!(faults.iter().any(|f| matches!(f.what, What::Unsure { confidence: 'C' })), "{id}");
    }
    let (_, faults) = Profile::check(Profile::built_in_text("dlt645-2007-c").unwrap());
    assert!(faults.is_empty(), "{:?}", told(&faults));
}

#[test]
fn a_folder_adds_profiles_and_replaces_only_on_its_word() {
    let own = |id: &str, more: &str| {
        format!("{more}\n{}", small("cjt188", "").replace("id = \"x\"", &format!("id = \"{id}\"")))
    };
    let file = |name: &str, text: String| (name.to_owned(), text);
    let (profiles, faults) = Profiles::new(vec![
        file("a.toml", own("mine", "")),
        file("b.toml", own("mine", "")),
        file("c.toml", own("cjt188-water", "")),
        file("d.toml", own("cjt188-gas", "replaces = \"cjt188-gas\"")),
        file("e.toml", own("cjt188-heat", "replaces = \"cjt188-gas\"")),
        file("f.toml", "no profile".to_owned()),
    ]);
    let faults: Vec<String> =
        faults.iter().map(|f| format!("{} {}", f.file, f.what.code())).collect();
    assert_eq!(
        faults.iter().filter(|f| !f.starts_with("f.toml")).collect::<Vec<_>>(),
        ["b.toml id-taken", "c.toml id-taken", "e.toml wrong-value"].iter().collect::<Vec<_>>()
    );
    assert!(faults.iter().any(|f| f == "f.toml syntax"), "{faults:?}");
    assert_eq!(profiles.ids().len(), Profile::built_in_ids().len() + 1);
    assert_eq!(profiles.get("mine").unwrap().protocol, Protocol::Cjt188);
    assert_eq!(profiles.get("cjt188-gas").unwrap().name, "X");
    assert_ne!(profiles.get("cjt188-water").unwrap().name, "X");
    let files: BTreeMap<_, _> = profiles.iter().map(|(p, file)| (p.id.as_str(), file)).collect();
    assert_eq!((files["mine"], files["tms"]), (Some("a.toml"), None));
}

#[test]
fn built_in_items_agree_with_the_tables_of_their_protocol() {
    // Names that people see in English: no place on the card yet, listed as they are written.
    let plain = ["base-amount", "base-remaining", "prepaid-switch", "heat-settled", "date", "time"];
    for (profile, _) in Profiles::built_in().iter() {
        assert!(!profile.source.is_empty());
        for item in &profile.items {
            let id = &profile.id;
            let known = KNOWN_ITEMS.contains(&item.name.as_str())
                || plain.contains(&item.name.as_str())
                || item.name.starts_with("record-");
            assert!(known, "{id} {}", item.name);
            assert!(('A'..='C').contains(&item.confidence), "{id} {}", item.name);
            let found = match item.at {
                Place::Di(di) if profile.protocol == Protocol::Dlt645_1997 => {
                    items::find_1997(u16::try_from(di).unwrap())
                }
                Place::Di(di) => items::find(di),
                _ => continue,
            };
            match found {
                Some(found) => assert!(!found.block && item.form.is_none(), "{id} {}", item.name),
                None => assert!(item.form.is_some() && item.len.is_some(), "{id} {}", item.name),
            }
        }
    }
}

#[test]
fn the_acrel_maps_are_those_of_the_reference() {
    // other-meters.md 1.2 and 1.3: name, register, points, unit.
    let single = [
        ("voltage-a", 0x0300, 1, "V"),
        ("power", 0x0302, 3, "kW"),
        ("energy", 0x0306, 2, "kWh"),
        ("balance", 0x030A, 2, "kWh"),
        ("purchased", 0x030C, 2, "kWh"),
        ("count", 0x030E, 0, ""),
        ("status", 0x0311, 0, ""),
        ("price-valley", 0x0507, 2, "yuan/kWh"),
        ("alarm-2", 0x050B, 2, "yuan"),
    ];
    let three = [
        ("voltage-c", 0x0341, 1, "V"),
        ("power", 0x0345, 3, "kW"),
        ("frequency", 0x0351, 2, "Hz"),
        ("balance", 0x0362, 2, "yuan"),
        ("count", 0x0366, 0, ""),
        ("price-tip", 0x0537, 2, "yuan/kWh"),
        ("alarm-1", 0x053F, 2, "yuan"),
    ];
    let ddsy = [("energy", 0, 2, "kWh"), ("voltage-a", 0x0B, 1, "V"), ("count", 0x0221, 0, "")];
    let dtsy = [("energy", 0x0215, 2, "kWh"), ("balance", 0x021F, 2, "yuan"), ("ct", 0x38, 0, "")];
    let maps = [
        ("adf400l-1p", &single[..]),
        ("adf400l-3p", &three),
        ("ddsy1352", &ddsy),
        ("dtsy1352", &dtsy),
    ];
    for (id, rows) in maps {
        let profile = Profile::built_in(id).unwrap();
        assert_eq!(profile.money, None, "{id}: nothing published says how it is recharged");
        for (name, register, decimals, unit) in rows {
            let item = profile.items.iter().find(|item| item.name == *name).unwrap();
            let at = Place::Register { function: 3, address: *register };
            assert_eq!((&item.at, item.decimals, item.unit.as_str()), (&at, *decimals, *unit));
        }
    }
    for id in ["adf400l-1p", "adf400l-3p"] {
        let terminal = Profile::built_in(id).unwrap().terminal.unwrap();
        assert_eq!((terminal.step, terminal.wide, terminal.boxes), (36, 3, 6));
    }
}

/// Runs `meterkit --home HOME profile ...`; the exit status, and what it printed.
fn command(home: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meterkit"));
    command.arg("--home").arg(home).arg("profile").args(arguments).stdin(Stdio::null());
    for name in ["LANG", "LC_ALL", "LC_MESSAGES", "METERKIT_PORT", "METERKIT_HOME"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn fixture_path(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/profiles");
    folder.join(name).display().to_string()
}

#[test]
fn the_check_explains_every_fault_to_people_and_to_scripts() {
    let home = tempfile::tempdir().unwrap();
    let (status, out) = command(home.path(), &["check", &fixture_path("many-faults.toml")]);
    assert_eq!(status, Some(6));
    for words in ["line 11", "line.baud = 96", "should be 300 to 115200", "Not usable: 28 wrong"] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let file = fixture_path("many-faults.toml");
    let (_, out) = command(home.path(), &["check", &file, "--lang", "zh"]);
    assert!(out.contains("第 11 行") && out.contains("取值无效，应为：300 to 115200"), "{out}");
    let (status, out) = command(home.path(), &["check", &file, "--json"]);
    assert_eq!(status, Some(6));
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 31, "thirty remarks and the verdict");
    assert_eq!((&rows[0]["line"], &rows[0]["code"]), (&json!(2), &json!("wrong-value")));
    assert_eq!((&rows[30]["good"], &rows[30]["faults"]), (&json!(false), &json!(28)));

    let (status, out) = command(home.path(), &["check", &fixture_path("half-money.toml")]);
    assert_eq!(status, Some(0), "good for reading: {out}");
    assert!(out.contains("identity, account, recharge") && out.contains("MK-METER-11"), "{out}");
    let (status, out) = command(home.path(), &["check", &fixture_path("shop-modbus.toml")]);
    assert_eq!((status, out.as_str()), (Some(0), "shop-modbus: good. 3 items, 0 notes.\n"));
    let (status, _) = command(home.path(), &["check", "/nowhere/x.toml"]);
    assert_ne!(status, Some(0));
}

#[test]
fn what_is_listed_and_shown_includes_ones_own() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("profiles");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("shop.toml"), fixture("shop-modbus.toml")).unwrap();
    fs::write(folder.join("bad.toml"), fixture("many-faults.toml")).unwrap();
    let (status, out) = command(home.path(), &["list", "--json"]);
    assert_eq!(status, Some(0));
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), Profile::built_in_ids().len() + 1);
    let shop = rows.iter().find(|row| row["id"] == "shop-modbus").unwrap();
    assert!(shop["recharge"] == true && shop["file"].as_str().unwrap().ends_with("shop.toml"));
    assert_eq!(shop["needs_acceptance"], false);
    assert_eq!(shop["money_confidence"], "A");
    let ko = rows.iter().find(|row| row["id"] == "ko").unwrap();
    assert_eq!((&ko["needs_acceptance"], &ko["money_confidence"]), (&json!(true), &json!("C")));
    let (_, out) = command(home.path(), &["show", "ko"]);
    assert!(out.contains("[C] reference/dlt645.md 6.5") && out.contains("MK-METER-15"), "{out}");
    let (_, out) = command(home.path(), &["show", "tms", "--toml"]);
    assert_eq!(out, Profile::built_in_text("tms").unwrap());
    let (status, out) = command(home.path(), &["show", "adf400l-3p"]);
    assert_eq!(status, Some(0));
    assert!(out.contains("03:0362") && out.contains("read only"), "{out}");
    let (status, _) = command(home.path(), &["show", "nobody"]);
    assert_eq!(status, Some(6));
}

/// What loading refuses the check refuses; what the parser makes up behind a mistake is not told;
/// and a number that is a text is named as such.
#[test]
fn the_check_says_what_loading_would_and_nothing_that_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("own.toml");
    let told = |text: &str| -> (Option<i32>, Vec<(u64, String, String)>) {
        fs::write(&file, text).unwrap();
        let path = file.display().to_string();
        let (status, out) = command(home.path(), &["check", &path, "--json"]);
        let rows = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let faults = rows.filter(|row| row["fault"] == true);
        let place =
            |row: Value| (row["line"].as_u64().unwrap(), text(&row, "key"), text(&row, "words"));
        (status, faults.map(place).collect())
    };
    let own = small("mbus", "").replace("id = \"x\"", "id = \"adf400l-1p\"");
    let (status, faults) = told(&own);
    assert_eq!((status, faults.len(), faults[0].1.as_str()), (Some(6), 1, "id"));
    let said = own.replace("source =", "replaces = \"adf400l-1p\"\nsource =");
    assert_eq!(told(&said).0, Some(0));
    let (status, faults) = told(&small("mbus", "").replace("2400", "= 2400"));
    assert_eq!(status, Some(6));
    assert!(faults.iter().all(|(line, key, _)| (*line, key.as_str()) == (7, "")), "{faults:?}");
    let (_, faults) = told(&small("mbus", "").replace("2400", "\"2400\""));
    assert!(faults[0].2.contains("without quotes"), "{faults:?}");
    let (_, faults) = told(&small("mbus", "[item]\nname = \"x\"\n"));
    assert!(faults[0].2.contains("[[item]]"), "{faults:?}");
    let (_, shown) = command(home.path(), &["show", "kede"]);
    assert!(shown.contains("[relay] relay commands are refused: PA is 98"), "{shown}");
    let (_, shown) = command(home.path(), &["show", "tms"]);
    assert!(shown.contains("[relay] PA 02 N2 01"), "{shown}");
}
