//! The steps of trust, row by row.

use super::failure::fail;
use super::standing::{ENDS_SOON_S, Ground, Term, Word, exceeded, near, softened, standing};
use super::views::Standing;
use crate::report::Code;
use crate::units::{Cap, Caps, Credit, CreditUnit, Exposure, Limit, UnixSeconds};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// Begin of the status's life.
const BEGIN: i64 = 1_800_000_000;

fn at(seconds: i64) -> Ground {
    let far = UnixSeconds(BEGIN + 300 * DAY);
    Ground {
        now: UnixSeconds(BEGIN + seconds),
        behind_s: None,
        root: Term { version: 2, expires: far },
        keyset: Term { version: 5, expires: far },
        status: Some(Word {
            not_before: UnixSeconds(BEGIN),
            expires: UnixSeconds(BEGIN + 50 * HOUR),
            grace_s: 24 * HOUR,
            root: 2,
            keyset: 5,
        }),
        broken: Vec::new(),
        near: Vec::new(),
    }
}

#[test]
fn a_status_ages_in_four_steps() {
    use Standing::{Fresh, NoMoney, ReadOnly, Warn};
    let rows = [
        (0, Fresh, None),
        (40 * HOUR - 1, Fresh, None),
        (40 * HOUR, Warn, Some(Code::StatusOld)),
        (50 * HOUR - 1, Warn, Some(Code::StatusOld)),
        (50 * HOUR, ReadOnly, Some(Code::StatusExpired)),
        (74 * HOUR, ReadOnly, Some(Code::StatusExpired)),
        (74 * HOUR + 1, NoMoney, Some(Code::StatusExpired)),
        (i64::MAX - BEGIN, NoMoney, None),
    ];
    for (seconds, expected, code) in rows {
        let (found, reasons) = standing(&at(seconds));
        assert_eq!(found, expected, "after {seconds} s: {reasons:?}");
        if code.is_some() || expected == Fresh {
            assert_eq!(reasons.first().map(|reason| reason.code), code, "after {seconds} s");
        }
    }
}

#[test]
fn each_ground_has_its_step_and_its_code() {
    use Standing::{NoMoney, Warn};
    let ends = |left| UnixSeconds(BEGIN + left);
    type Spoil = fn(&mut Ground);
    let rows: &[(Spoil, Standing, Code)] = &[
        (|g| g.behind_s = Some(121), NoMoney, Code::ClockBehind),
        (|g| g.status = None, NoMoney, Code::StatusMissing),
        (|g| g.root.expires = g.now, NoMoney, Code::RootExpired),
        (|g| g.keyset.expires = g.now, NoMoney, Code::KeysetExpired),
        (|g| g.root.version = 1, NoMoney, Code::KeysBehind),
        (|g| g.keyset.version = 4, NoMoney, Code::KeysBehind),
        (|g| g.broken.push(fail(Code::DocumentLost, "status")), NoMoney, Code::DocumentLost),
        (|g| g.broken.push(fail(Code::DocumentBack, "keyset")), NoMoney, Code::DocumentBack),
        (|g| g.near.push(fail(Code::LimitNear, "")), Warn, Code::LimitNear),
    ];
    for (spoil, expected, code) in rows {
        let mut ground = at(0);
        spoil(&mut ground);
        let (found, reasons) = standing(&ground);
        assert_eq!((found, reasons.len()), (*expected, 1), "{code:?}: {reasons:?}");
        assert_eq!(reasons.first().map(|reason| reason.code), Some(*code));
    }
    let soon = [
        (ENDS_SOON_S + 1, None),
        (ENDS_SOON_S, Some(Warn)),
        (1, Some(Warn)),
        (0, Some(NoMoney)),
        (-1, Some(NoMoney)),
    ];
    for (left, step) in soon {
        for root in [true, false] {
            let mut ground = at(0);
            *(if root { &mut ground.root } else { &mut ground.keyset }) =
                Term { version: 9, expires: ends(left) };
            assert_eq!(standing(&ground).0, step.unwrap_or_default(), "{left} s left");
        }
    }
    // A newer key than the status speaks of is the usual moment of a rotation.
    let mut ground = at(0);
    (ground.root.version, ground.keyset.version) = (3, 6);
    assert_eq!(standing(&ground), (Standing::Fresh, Vec::new()));
}

#[test]
fn the_gravest_reason_comes_first() {
    let mut ground = at(45 * HOUR);
    ground.near.push(fail(Code::LimitNear, ""));
    ground.behind_s = Some(3_600);
    let (found, reasons) = standing(&ground);
    assert_eq!(found, Standing::NoMoney);
    let codes: Vec<Code> = reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [Code::ClockBehind, Code::StatusOld, Code::LimitNear]);
}

#[test]
fn limits_warn_at_the_soft_step_and_soften_to_it() {
    let cap = |soft, hard| Cap { soft, hard };
    let caps = Caps {
        acts: cap(2, 4),
        yuan: cap(10_000, 20_000),
        kwh: cap(i64::MAX, i64::MAX),
        age_s: cap(HOUR, 2 * HOUR),
    };
    let now = UnixSeconds(BEGIN);
    let credit = Credit { value: 10_000, unit: CreditUnit::Yuan };
    let one = Exposure::default().plus(credit, now);
    assert_eq!(near("hh", &Exposure::default(), &caps, now), []);
    let warned = |used: &Exposure, now| {
        near("hh", used, &caps, now).into_iter().map(|f| f.detail).collect::<Vec<_>>()
    };
    assert_eq!(warned(&one, now), ["hh: 100.00 CNY / 200.00 CNY"]);
    let later = UnixSeconds(BEGIN + HOUR);
    assert_eq!(warned(&one, later), ["hh: 100.00 CNY / 200.00 CNY", "hh: 1 h 00 min / 2 h 00 min"]);
    let soft = softened(&caps);
    assert_eq!((soft.acts, soft.age_s), (cap(2, 2), cap(HOUR, HOUR)));
    assert_eq!(soft.kwh, caps.kwh, "no limit stays none");
    assert_eq!(exceeded("1001", Limit::Acts, 5, 4), fail(Code::LimitActs, "1001: 5 / 4"));
}
