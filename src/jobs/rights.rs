//! Who may do what, and where: pure rules over a grant.
//!
//! What counts is the grant within the role. A grant that names no area and no meter reaches every
//! meter. Where only the role or the area forbids, a supervisor's override opens the way for one
//! act; against a grant that does not count at all nothing helps.

use super::failure::fail;
use super::views::Failure;
use crate::report::Code;
use crate::units::{Caps, MeterNo, OperatorId, Role, TokenId, UnixSeconds, Verb, Verbs};

/// What a grant that counts gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The grant.
    pub grant: TokenId,
    /// To whom.
    pub operator: OperatorId,
    /// The person's name.
    pub name: String,
    /// In which role.
    pub role: Role,
    /// What may be done: granted, and within the role.
    pub verbs: Verbs,
    /// Areas; none named and no meter named means all.
    pub areas: Vec<String>,
    /// Single meters.
    pub meters: Vec<MeterNo>,
    /// The operator's own limits.
    pub caps: Caps,
    /// How long a log-in lasts, seconds.
    pub shift_s: i64,
    /// When the grant ends.
    pub expires: UnixSeconds,
}

impl Rights {
    /// Whether a meter is within reach; `area` as the office's list says, empty for none.
    pub fn reach(&self, meter: MeterNo, area: &str) -> bool {
        let everything = self.areas.is_empty() && self.meters.is_empty();
        let listed = !area.is_empty() && self.areas.iter().any(|own| own == area);
        everything || listed || self.meters.contains(&meter)
    }
}

/// Where an act happens.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The meter.
    pub meter: MeterNo,
    /// Its area by the office's list; empty for none.
    pub area: &'a str,
}

/// That something may be done, and by which right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// By the grant.
    ByGrant,
    /// Only by this override, which is used up by it.
    ByOverride(TokenId),
}

/// May it be done? `over_ride` is asked for only where it is needed: one that is good for this
/// operator, handheld, meter and act now.
///
/// # Errors
/// Why the grant does not count; [`Code::RoleForbids`], [`Code::AreaForbids`].
pub fn may(
    rights: Result<&Rights, &Failure>,
    verb: Verb,
    place: Option<Place<'_>>,
    over_ride: impl FnOnce() -> Option<TokenId>,
) -> Result<Allowed, Failure> {
    let rights = rights.map_err(Failure::clone)?;
    let forbidden = if !rights.verbs.has(verb) {
        fail(Code::RoleForbids, format!("{}: {}", rights.role.name(), verb.name()))
    } else if let Some(place) = place.filter(|place| !rights.reach(place.meter, place.area)) {
        let area = if place.area.is_empty() { "-" } else { place.area };
        fail(Code::AreaForbids, format!("{}: {area}", place.meter))
    } else {
        return Ok(Allowed::ByGrant);
    };
    over_ride().map(Allowed::ByOverride).ok_or(forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights() -> Rights {
        Rights {
            grant: TokenId([1; 16]),
            operator: "1001".parse().unwrap(),
            name: "Li".to_owned(),
            role: Role::Recharge,
            verbs: Role::Recharge.verbs(),
            areas: vec!["east".to_owned()],
            meters: vec!["47".parse().unwrap()],
            caps: Caps::NONE,
            shift_s: 3_600,
            expires: UnixSeconds(9),
        }
    }

    #[test]
    fn the_reach_of_a_grant() {
        let (listed, other) = ("47".parse().unwrap(), "48".parse().unwrap());
        let all = Rights { areas: Vec::new(), meters: Vec::new(), ..rights() };
        let only = Rights { areas: Vec::new(), ..rights() };
        let rows = [
            (&rights(), listed, "", true),
            (&rights(), listed, "west", true),
            (&rights(), other, "east", true),
            (&rights(), other, "west", false),
            (&rights(), other, "East", false),
            // A meter in no area is not in an area without a name.
            (&Rights { areas: vec![String::new()], ..rights() }, other, "", false),
            (&all, other, "west", true),
            (&all, other, "", true),
            (&only, other, "east", false),
        ];
        for (rights, meter, area, reached) in rows {
            assert_eq!(rights.reach(meter, area), reached, "{meter} in {area:?}");
        }
    }

    #[test]
    fn an_override_is_asked_for_only_where_role_or_area_forbid() {
        let id = TokenId([9; 16]);
        let (near, far) = (
            Place { meter: "48".parse().unwrap(), area: "east" },
            Place { meter: "49".parse().unwrap(), area: "west" },
        );
        let none = fail(Code::GrantExpired, "");
        let own = rights();
        type Row<'a> =
            (Result<&'a Rights, &'a Failure>, Verb, Option<Place<'a>>, Result<Allowed, Code>, bool);
        let rows: &[Row<'_>] = &[
            (Ok(&own), Verb::Recharge, Some(near), Ok(Allowed::ByGrant), false),
            (Ok(&own), Verb::Import, None, Ok(Allowed::ByGrant), false),
            (Ok(&own), Verb::Recharge, Some(far), Err(Code::AreaForbids), true),
            (Ok(&own), Verb::Refund, Some(near), Err(Code::RoleForbids), true),
            (Ok(&own), Verb::Refund, Some(far), Err(Code::RoleForbids), true),
            (Err(&none), Verb::Recharge, Some(near), Err(Code::GrantExpired), false),
        ];
        for (rights, verb, place, expected, helps) in rows {
            let without = may(*rights, *verb, *place, || None);
            assert_eq!(without.map_err(|failure| failure.code), *expected);
            let mut asked = false;
            let with = may(*rights, *verb, *place, || {
                asked = true;
                Some(id)
            });
            assert_eq!(asked, *helps);
            let with_it = if *helps { Ok(Allowed::ByOverride(id)) } else { *expected };
            assert_eq!(with.map_err(|failure| failure.code), with_it);
        }
    }
}
