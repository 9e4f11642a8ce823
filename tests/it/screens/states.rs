//! A small area as the engine would tell it: enough of everything for every screen.

use meterkit::jobs::views::{
    BoxRowView, BoxUserView, Failure, FinishedView, HomeView, JournalKind, JournalRow, LockedView,
    MeterRowView, MeterView, Network, OpenIntentView, OperatorView, PortTrouble, PortView,
    PreflightView, QuickRead, SessionView, ShiftView, Standing, SyncView, TokenStateView,
    TokenView, TrustView, WireView,
};
use meterkit::report::Code;
use meterkit::units::{
    Act, BusPlace, Cap, Caps, Credit, CreditUnit, Decision, Energy, Evidence, Exposure, MeterNo,
    Money, Outcome, PurchaseCount, PurchaseRecord, RelayState, Role, TokenId, UnixSeconds,
};

/// 2026-11-21 15:31:05 in China.
pub const NOW: UnixSeconds = UnixSeconds(1_795_246_265);

pub fn ago(seconds: i64) -> UnixSeconds {
    UnixSeconds(NOW.0 - seconds)
}

pub fn yuan(value: i64) -> Credit {
    Credit { value, unit: CreditUnit::Yuan }
}

pub fn no(n: u32) -> MeterNo {
    format!("2026{n:08}").parse().unwrap()
}

pub fn token_id(n: u8) -> TokenId {
    let mut id = [0x01; 16];
    (id[14], id[15]) = (0x12, n);
    TokenId(id)
}

pub fn failure(code: Code, detail: &str) -> Failure {
    Failure { code, detail: detail.to_owned() }
}

pub fn session() -> SessionView {
    SessionView {
        operator: "1001".parse().unwrap(),
        name: "李建国".to_owned(),
        role: Role::Recharge,
        verbs: Role::Recharge.verbs(),
        areas: vec!["hedong-3".to_owned(), "hedong-4".to_owned()],
        ends: UnixSeconds(NOW.0 + 3 * 3600),
        idle_s: 300,
        grant: None,
    }
}

pub fn supervisor() -> SessionView {
    SessionView {
        operator: "9001".parse().unwrap(),
        name: "王芳".to_owned(),
        role: Role::Supervisor,
        verbs: Role::Supervisor.verbs(),
        areas: Vec::new(),
        ..session()
    }
}

pub fn locked() -> LockedView {
    LockedView { device: "hh-007".to_owned(), operator: "1001".to_owned(), ..LockedView::default() }
}

pub fn caps() -> Caps {
    let cap = |soft, hard| Cap { soft, hard };
    Caps {
        acts: cap(40, 50),
        yuan: cap(800_000, 1_000_000),
        kwh: cap(160_000, 200_000),
        age_s: cap(2 * 86_400, 3 * 86_400),
    }
}

pub fn trust() -> TrustView {
    let used = Exposure { acts: 12, yuan: 340_000, kwh: 0, oldest: Some(ago(5 * 3600)) };
    let mine = Exposure { acts: 8, yuan: 210_000, ..used };
    TrustView {
        standing: Standing::Fresh,
        reasons: Vec::new(),
        status_until: Some(UnixSeconds(NOW.0 + 2 * 86_400)),
        device: (used, caps()),
        operator: (mine, caps()),
    }
}

/// The exposure with one more act.
pub fn with((used, caps): (Exposure, Caps), credit: Credit) -> (Exposure, Caps) {
    (used.plus(credit, NOW), caps)
}

pub fn warned_trust() -> TrustView {
    let used = Exposure { acts: 41, yuan: 812_350, kwh: 4_200, oldest: Some(ago(30 * 3600)) };
    TrustView {
        standing: Standing::Warn,
        reasons: vec![
            failure(Code::LimitNear, "41/50"),
            failure(Code::StatusOld, "2026-11-22 08:00"),
        ],
        operator: (used, caps()),
        ..trust()
    }
}

pub fn low_trust() -> TrustView {
    TrustView {
        standing: Standing::ReadOnly,
        reasons: vec![failure(Code::StatusExpired, "2026-11-21 08:00")],
        status_until: Some(ago(7 * 3600)),
        ..warned_trust()
    }
}

pub fn stopped_trust() -> TrustView {
    TrustView {
        standing: Standing::NoMoney,
        reasons: vec![
            failure(Code::ClockBehind, "3600 s"),
            failure(Code::StatusExpired, "2026-11-18 08:00"),
        ],
        status_until: Some(ago(3 * 86_400)),
        ..warned_trust()
    }
}

pub fn shift() -> ShiftView {
    ShiftView {
        reads: 23,
        accepted: 17,
        refused: 1,
        unknown: 1,
        yuan: 345_600,
        kwh: 0,
        unsynced: 44,
        kept: Vec::new(),
        checkpoint: None,
    }
}

pub fn people() -> Vec<OperatorView> {
    let person = |id: &str, name: &str, role, days: i64, active, locked| OperatorView {
        operator: id.parse().unwrap(),
        name: name.to_owned(),
        role,
        expires: UnixSeconds(NOW.0 + days * 86_400),
        active,
        locked,
    };
    vec![
        person("1001", "李建国", Role::Recharge, 30, true, false),
        person("1002", "阿卜杜热合曼·买买提明", Role::Field, 30, false, false),
        person("1003", "Anna-Katharina Schneider-Wolkenstein", Role::Auditor, -2, true, false),
        person("1004", "赵敏", Role::Installer, 60, true, true),
        person("9001", "王芳", Role::Supervisor, 90, true, false),
    ]
}

pub fn home() -> HomeView {
    HomeView {
        device: "hh-007".to_owned(),
        operator: "李建国".to_owned(),
        meters: 100_000,
        tokens: 12,
        open_intents: Vec::new(),
        open_works: 0,
        unsynced: 5,
        last_sync: Some(ago(4 * 3600)),
        sync_again: None,
        network: Network::Down,
        port: Some("/dev/ttyUSB0".to_owned()),
        money_stopped: None,
        demo: false,
        trust: Some(trust()),
    }
}

pub fn open(n: u32, decision: Option<Decision>) -> OpenIntentView {
    OpenIntentView {
        meter: no(n),
        token: token_id(n as u8),
        credit: yuan(5000),
        act: if n == 8 { Act::Refund } else { Act::Recharge },
        decision,
        readable: decision.is_none_or(Decision::may_resolve_by_reading),
        own_line: false,
    }
}

pub fn troubled_home() -> HomeView {
    HomeView {
        open_intents: vec![
            open(3, Some(Decision::Unreachable)),
            open(8, Some(Decision::TornWrite)),
            open(9, None),
        ],
        money_stopped: Some(failure(Code::DiskFull, "0 bytes free")),
        demo: true,
        trust: Some(stopped_trust()),
        ..home()
    }
}

pub fn empty_home() -> HomeView {
    HomeView {
        device: "hh-007".to_owned(),
        operator: "Ann".to_owned(),
        port: None,
        ..HomeView::default()
    }
}

const PEOPLE: [(&str, &str); 6] = [
    ("张伟", "河东小区3号楼2单元101"),
    ("呼和浩特市回民区人民政府机关事务管理局", "中山西路88号配电室东侧电表箱第4表位"),
    ("Anna-Katharina Schneider-Wolkenstein", "Riverside 12, basement, box 3, row 2"),
    ("阿卜杜热合曼·买买提明", "河东小区3号楼2单元102"),
    ("O'Brien\u{1b}[2J", "Unit 5"),
    ("", ""),
];

pub fn meter_row(n: u32) -> MeterRowView {
    let (customer, location) = PEOPLE[n as usize % PEOPLE.len()];
    MeterRowView {
        no: no(n),
        customer: customer.to_owned(),
        location: location.to_owned(),
        balance: (n % 4 != 3).then(|| (yuan(i64::from(n) * 1234 - 1500), ago(i64::from(n) * 700))),
        overdraft: if n % 6 == 1 { 266 } else { 0 },
        tokens: u32::from(n.is_multiple_of(3)),
        open_intent: n == 3,
        own_line: false,
    }
}

pub fn meter_rows(count: u32) -> Vec<MeterRowView> {
    (0..count).map(meter_row).collect()
}

pub fn token(n: u8, state: TokenStateView) -> TokenView {
    TokenView {
        id: token_id(n),
        meter: no(u32::from(n)),
        act: Act::Recharge,
        credit: yuan(i64::from(n) * 1000 + 5000),
        count_before: PurchaseCount(3),
        expires: UnixSeconds(NOW.0 + 30 * 86_400),
        state,
        own_line: false,
    }
}

pub fn tokens() -> Vec<TokenView> {
    use TokenStateView::*;
    [Ready, NotYet, Expired, Open, Accepted, Raced, Disputed, Withdrawn]
        .into_iter()
        .zip(0..)
        .map(|(state, n)| token(n, state))
        .collect()
}

pub fn evidence(n: u32, count: u32, balance: i64, overdraft: i64) -> Evidence {
    Evidence {
        meter: no(n),
        account: Some("112233445566".parse().unwrap()),
        count: PurchaseCount(count),
        balance: yuan(balance),
        overdraft,
        last_purchase: Some(PurchaseRecord {
            count: PurchaseCount(count),
            amount: 10_000,
            balances: Some([120, 10_120]),
        }),
        energy: Some(Energy(1_234_567)),
        meter_clock: Some(UnixSeconds(NOW.0 + 8 * 3600 + 3)),
        relay: Some(RelayState::Closed),
        read_at: ago(90),
        frames_digest: [7; 32],
    }
}

pub fn meter(n: u32) -> MeterView {
    let row = meter_row(n);
    let open = row.open_intent.then(|| open(n, Some(Decision::Unreachable)));
    MeterView {
        account: Some("112233445566".parse().unwrap()),
        profile: "dlt645-2007-prepaid".to_owned(),
        place: Default::default(),
        tokens: vec![
            TokenView { meter: no(n), ..token(1, TokenStateView::Accepted) },
            TokenView { meter: no(n), ..token(2, TokenStateView::Ready) },
        ],
        journal: journal().into_iter().take(6).collect(),
        open,
        last: Some(evidence(n, 3, 1234, 0)),
        row,
    }
}

/// The boxes of an area.
pub fn boxes() -> Vec<BoxRowView> {
    let row = |name: &str, line: &str, users| BoxRowView {
        name: name.to_owned(),
        line: line.to_owned(),
        location: "Building 7, stairwell".to_owned(),
        users,
    };
    vec![row("B7-1", "tcp://10.0.0.7:4001", 36), row("B7-2", "", 12)]
}

/// The users of one box.
pub fn box_users(count: u8) -> Vec<BoxUserView> {
    let one = |user: u8| BoxUserView {
        user,
        address: user.to_string(),
        profile: "adf400l-1p".to_owned(),
        row: meter_row(u32::from(user)),
    };
    (1..=count).map(one).collect()
}

/// The meter of a user in a box.
pub fn boxed_meter(n: u32) -> MeterView {
    let place = BusPlace {
        line: "tcp://10.0.0.7:4001".to_owned(),
        terminal: "B7-1".to_owned(),
        user: 4,
        address: "4".to_owned(),
    };
    MeterView { place, profile: "adf400l-1p".to_owned(), ..meter(n) }
}

/// What a Modbus user shows: more than the card has places for.
pub fn modbus_read(n: u32) -> QuickRead {
    let other = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    QuickRead {
        profile: "adf400l-1p".to_owned(),
        voltage_dv: [Some(2201), None, None],
        current_ma: [Some(1230), None, None],
        status: [None; 7],
        others: vec![
            other("purchased", "150.00 yuan"),
            other("frequency", "50.01 Hz"),
            other("price-tip", "1.20 yuan/kWh"),
            other("maker-flag", "7"),
        ],
        ..quick_read(n)
    }
}

pub fn quick_read(n: u32) -> QuickRead {
    QuickRead {
        meter: no(n),
        energy: Some(Energy(1_234_567)),
        balance: Some(yuan(1234)),
        overdraft: Some(0),
        count: Some(PurchaseCount(3)),
        voltage_dv: [Some(2201), Some(2203), Some(2198)],
        current_ma: [Some(1234), Some(-56), None],
        power_dw: Some(-12_345),
        clock: Some(UnixSeconds(NOW.0 + 8 * 3600 + 3)),
        drift_s: Some(3),
        relay: Some(RelayState::Closed),
        status: [Some(0), Some(0), Some(0), Some(0), Some(0), Some(0), Some(0)],
        alarms: Vec::new(),
        missing: Vec::new(),
        others: Vec::new(),
        profile: "dlt645-2007-c".to_owned(),
        took_ms: 1840,
        read_at: NOW,
    }
}

pub fn alarmed_read(n: u32) -> QuickRead {
    QuickRead {
        balance: Some(yuan(0)),
        overdraft: Some(266),
        drift_s: Some(-1203),
        relay: Some(RelayState::Open),
        status: [Some(0x4004), None, Some(0x10), Some(2), Some(0), Some(2), Some(0)],
        alarms: vec!["clock-battery-low", "overdraft", "relay-open", "undervoltage", "bit-11"],
        missing: vec!["currents".to_owned(), "power".to_owned()],
        ..quick_read(n)
    }
}

pub fn preflight(n: u8) -> PreflightView {
    let row = meter_row(u32::from(n));
    let token = token(n, TokenStateView::Ready);
    let overdraft = row.overdraft;
    PreflightView {
        customer: row.customer,
        location: row.location,
        expected_balance: yuan(1234 + token.credit.value - overdraft),
        evidence: evidence(u32::from(n), 3, 1234, overdraft),
        drift_s: Some(-400),
        warnings: Vec::new(),
        device: with(trust().device, token.credit),
        operator: with(trust().operator, token.credit),
        token,
    }
}

pub fn finished(n: u8, decision: Decision) -> FinishedView {
    let token = token(n, TokenStateView::Ready);
    let moved = decision.outcome() == Outcome::Accepted;
    let after = if moved { (4, 1234 + token.credit.value) } else { (3, 1234) };
    let seen = decision != Decision::Unreachable;
    FinishedView {
        meter: token.meter,
        token: token.id,
        credit: token.credit,
        decision,
        before: evidence(u32::from(n), 3, 1234, 0),
        after: seen.then(|| evidence(u32::from(n), after.0, after.1, 0)),
        refusal: (decision == Decision::NotApplied).then_some(0x0040),
        journal_seq: 48_213,
    }
}

pub fn journal() -> Vec<JournalRow> {
    use JournalKind::*;
    let kinds = [
        (Outcome, Some(meterkit::units::Outcome::Unknown), "unreachable"),
        (Intent, None, "count 3"),
        (Refused, None, "MK-METER-05"),
        (Outcome, Some(meterkit::units::Outcome::Accepted), "confirmed"),
        (Resend, None, ""),
        (Reading, None, "14 items"),
        (Outcome, Some(meterkit::units::Outcome::Refused), "raced"),
        (TokenImported, None, ""),
        (TokenWithdrawn, None, "settled"),
        (Resolved, None, "booked"),
        (Receipt, None, "17: 48201"),
        (TimeAnchor, None, ""),
        (LoggedIn, None, "1001 recharge, 2 wrong"),
        (DocumentTaken, None, "status v17"),
        (PinSet, None, "1001 changed"),
        (TailCut, None, "48 bytes"),
        (Enrolled, None, "office.example"),
    ];
    let rows = kinds.into_iter().enumerate().map(|(at, (kind, outcome, detail))| JournalRow {
        seq: 48_213 - at as u64,
        at: ago(at as i64 * 777),
        kind,
        meter: (at < 9).then(|| no(at as u32)),
        token: (at < 9).then(|| token_id(at as u8)),
        credit: (at < 9).then(|| yuan(5000)),
        act: (at < 9).then_some(Act::Recharge),
        outcome,
        acked: at > 4,
        detail: detail.to_owned(),
    });
    rows.collect()
}

pub fn ports() -> Vec<PortView> {
    let port = |endpoint: &str, name: &str, identity: &str, fix: Option<&str>| PortView {
        endpoint: endpoint.to_owned(),
        name: name.to_owned(),
        identity: identity.to_owned(),
        trouble: fix.map(|_| PortTrouble::Denied),
        fix: fix.map(str::to_owned),
        held: None,
    };
    vec![
        port("/dev/ttyUSB0", "CP2102 USB to UART", "0001", None),
        port("/dev/ttyUSB1", "CH340 serial", "1-1.2", Some("sudo usermod -aG dialout li")),
        port("tcp://10.0.8.17:4001", "serial server", "configured", None),
    ]
}

pub fn wires() -> Vec<WireView> {
    let request = vec![
        0xFE, 0xFE, 0xFE, 0xFE, 0x68, 0x03, 0x00, 0x00, 0x00, 0x26, 0x20, 0x68, 0x11, 0x04, 0x33,
        0x32, 0x34, 0x33, 0x7A, 0x16,
    ];
    let answer = vec![
        0x68, 0x03, 0x00, 0x00, 0x00, 0x26, 0x20, 0x68, 0x91, 0x08, 0x33, 0x32, 0x34, 0x33, 0x67,
        0x45, 0x33, 0x33, 0x11, 0x16,
    ];
    let piece = |at_ms, received, bytes, meaning: &str| WireView {
        at_ms,
        received,
        bytes,
        meaning: meaning.to_owned(),
    };
    vec![
        piece(12_345, false, request, "read 00900200 remaining money, meter 202600000003"),
        piece(12_478, true, answer, "answer 00900200 remaining money = 12.34 CNY"),
        piece(12_900, true, vec![0xFF, 0x00], ""),
    ]
}

pub fn synced() -> SyncView {
    let still_out = Money(123_400);
    SyncView { sent: 5, tokens: 3, review: 1, clock_s: -2, still_out, ..SyncView::default() }
}
