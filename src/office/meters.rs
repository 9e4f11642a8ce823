//! The meters the office knows, and their list as signed pages.

use super::Office;
use super::db::{Query, query};
use super::error::OfficeError;
use super::ledger::{self, Conn, transact};
use super::model::{Class, parse_unit, unit_name};
use crate::sync::wire::{MAX_AREA_NAME, MAX_PAGE_LINES, MeterLine, Page, SwapFacts};
use crate::units::{AccountNo, BusPlace, CreditUnit, MeterNo, Money, PurchaseCount, UnixSeconds};
use meterkit_tokens::DocType;
use std::ops::Range;

/// The profile of a meter for which none is named: class C, kept in that unit.
fn usual_profile(unit: CreditUnit) -> &'static str {
    match unit {
        CreditUnit::Yuan => "dlt645-2007-c",
        CreditUnit::Kwh => "dlt645-2007-c-kwh",
    }
}

/// Longest text of a meter, bytes.
const MAX_TEXT: usize = 200;

/// A meter to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMeter {
    /// What the handhelds are told of it.
    pub line: MeterLine,
    /// Its purchase count now; everything issued builds on it.
    pub count: PurchaseCount,
    /// Its balance now, hundredths of its unit.
    pub balance: i64,
}

impl NewMeter {
    /// A meter of the usual profile (an empty one stands for it), count 0, balance 0.
    pub fn new(meter: MeterNo, account: AccountNo, customer: &str, location: &str) -> Self {
        Self {
            line: MeterLine {
                meter,
                account,
                unit: CreditUnit::Yuan,
                customer: customer.to_owned(),
                location: location.to_owned(),
                profile: String::new(),
                area: String::new(),
                place: BusPlace::default(),
            },
            count: PurchaseCount(0),
            balance: 0,
        }
    }

    /// Reads one line of a list: `meter,account,customer,location`, then what may be left out from
    /// any place on: `unit,count,balance,area,line,box,user,address,profile`. Texts may stand in
    /// double quotes; a quote inside is doubled.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] with what is wrong.
    pub fn from_csv(line: &str) -> Result<Self, OfficeError> {
        let fields = csv_fields(line)?;
        let bad = |what: &str| OfficeError::Usage(format!("{what} in {line:?}"));
        let mut fields = fields.into_iter();
        let mut field = |what: &str| fields.next().ok_or_else(|| bad(&format!("no {what}")));
        let meter = field("meter")?.parse().map_err(|_| bad("wrong meter number"))?;
        let account = field("account")?.parse().map_err(|_| bad("wrong account number"))?;
        let mut new = Self::new(meter, account, &field("customer")?, &field("location")?);
        if let Some(unit) = fields.next().filter(|unit| !unit.is_empty()) {
            new.line.unit = parse_unit(&unit).ok_or_else(|| bad("wrong unit"))?;
        }
        if let Some(count) = fields.next().filter(|count| !count.is_empty()) {
            new.count = PurchaseCount(count.parse().map_err(|_| bad("wrong count"))?);
        }
        if let Some(balance) = fields.next().filter(|balance| !balance.is_empty()) {
            new.balance = Money::parse(&balance).ok_or_else(|| bad("wrong balance"))?.0;
        }
        let mut text = || fields.next().unwrap_or_default();
        new.line.area = text();
        let place = &mut new.line.place;
        (place.line, place.terminal) = (text(), text());
        if let Some(user) = Some(text()).filter(|user| !user.is_empty()) {
            place.user = user.parse().map_err(|_| bad("wrong user"))?;
        }
        place.address = text();
        new.line.profile = text();
        if fields.next().is_some() {
            return Err(bad("too many fields"));
        }
        Ok(new)
    }
}

fn csv_fields(line: &str) -> Result<Vec<String>, OfficeError> {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, line.trim_end_matches(['\r', '\n']).chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            c => field.push(c),
        }
    }
    if quoted {
        return Err(OfficeError::Usage(format!("a quote is not closed in {line:?}")));
    }
    fields.push(field.trim().to_owned());
    Ok(fields)
}

impl Office {
    /// Adds meters, all or none. Adding a meter again with the same account and unit changes its
    /// texts only; its count and balance belong to the journals from then on.
    ///
    /// # Errors
    /// [`OfficeError::MeterOther`], [`OfficeError::Usage`] for texts that are too long.
    pub async fn add_meters(&self, meters: &[NewMeter]) -> Result<(), OfficeError> {
        transact!(self.ledger, |tx| add_all(&mut tx, meters, self.now().0).await)
    }

    /// A meter.
    ///
    /// # Errors
    /// [`OfficeError::NoMeter`].
    pub async fn meter(&self, no: MeterNo) -> Result<MeterLine, OfficeError> {
        let mut conn = self.ledger.read().await?;
        ledger::meter(&mut conn, no).await?.ok_or(OfficeError::NoMeter(no))
    }

    /// Puts the purchase count of a meter right, after somebody read it: the way on when a wrong
    /// reading moved it. Kept as a settled review.
    ///
    /// # Errors
    /// [`OfficeError::NoMeter`]; [`OfficeError::Usage`] without a reason, or while tokens are out
    /// for the meter: their steps hang on the count.
    pub async fn set_count(
        &self,
        no: MeterNo,
        count: PurchaseCount,
        reason: &str,
    ) -> Result<(), OfficeError> {
        super::review::require(reason)?;
        let now = self.now();
        transact!(self.ledger, |tx| set_count(&mut tx, no, count, reason, now).await)
    }

    /// The signed pages of the area list, and its version.
    pub(super) async fn area_pages(&self, conn: &mut Conn) -> Result<Vec<Vec<u8>>, OfficeError> {
        let sql = "SELECT * FROM meter WHERE closed IS NULL ORDER BY meter";
        let rows = query(sql).fetch_all(conn).await?;
        let lines = rows.iter().map(ledger::meter_row).collect::<Result<Vec<_>, _>>()?;
        let numbers: Vec<MeterNo> = lines.iter().map(|line| line.meter).collect();
        let pages = cut(&numbers).into_iter().map(|range| Page { lines: lines[range].to_vec() });
        let (keys, now) = (self.keys(), self.now().0);
        pages.map(|page| keys.answer(DocType::Area, page.payload(), now)).collect()
    }

    /// One signed page; `None` when there is no such page.
    pub(super) async fn area_page(
        &self,
        conn: &mut Conn,
        page: u32,
    ) -> Result<Option<Vec<u8>>, OfficeError> {
        let sql = "SELECT meter FROM meter WHERE closed IS NULL ORDER BY meter";
        let rows = query(sql).fetch_all(&mut *conn).await?;
        let numbers = rows.iter().map(|row| ledger::parsed(row, "meter"));
        let numbers = numbers.collect::<Result<Vec<MeterNo>, _>>()?;
        let Some(range) =
            cut(&numbers).into_iter().nth(usize::try_from(page).unwrap_or(usize::MAX))
        else {
            return Ok(None);
        };
        let (Some(first), Some(last)) = (numbers.get(range.start), numbers.get(range.end - 1))
        else {
            return Ok(None);
        };
        let sql = "SELECT * FROM meter WHERE closed IS NULL AND meter >= $1 AND meter <= $2
                   ORDER BY meter";
        let rows = query(sql).bind(first.to_string()).bind(last.to_string());
        let rows = rows.fetch_all(conn).await?;
        let lines = rows.iter().map(ledger::meter_row).collect::<Result<Vec<_>, _>>()?;
        let (payload, now) = (Page { lines }.payload(), self.now().0);
        Ok(Some(self.keys().answer(DocType::Area, payload, now)?))
    }
}

/// Beyond so many meters pages are as full as they may be: a list has at most 1000 of them.
const MANY: usize = 150_000;
/// One meter of so many ends a page.
const ENDS: u64 = 256;

/// Where the pages of a list of meters, in the order of their numbers, begin and end. A page ends
/// behind a meter whose number says so, so that a meter that comes or goes changes the page it is
/// on and not all behind it: what a handheld holds of the others stays good.
fn cut(numbers: &[MeterNo]) -> Vec<Range<usize>> {
    let (mut pages, mut start) = (Vec::new(), 0);
    let by_number = numbers.len() <= MANY;
    for (at, meter) in numbers.iter().enumerate() {
        let full = at + 1 - start >= MAX_PAGE_LINES;
        if full || by_number && ends_a_page(*meter) {
            pages.push(start..at + 1);
            start = at + 1;
        }
    }
    if start < numbers.len() {
        pages.push(start..numbers.len());
    }
    pages
}

/// FNV-1a over the digits: numbers are given out in rows, and rows must not end alike.
fn ends_a_page(meter: MeterNo) -> bool {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    meter.bcd().iter().fold(0xcbf2_9ce4_8422_2325, step).is_multiple_of(ENDS)
}

/// An area's name, as grants may name it; the empty one stands for none.
pub(super) fn check_area(area: &str) -> Result<(), OfficeError> {
    let bad = |c: char| c.is_control() || c.is_whitespace() || c == ',';
    if area.len() > MAX_AREA_NAME || area.chars().any(bad) {
        let what = format!("not an area (at most {MAX_AREA_NAME} bytes, no spaces): {area:?}");
        return Err(OfficeError::Usage(what));
    }
    Ok(())
}

/// A place on a bus: a user needs a box, a box a user.
pub(super) fn check_place(place: &BusPlace) -> Result<(), OfficeError> {
    for text in [&place.line, &place.terminal, &place.address] {
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(OfficeError::Usage(format!("not a line, box or address: {text:?}")));
        }
    }
    if place.terminal.is_empty() != (place.user == 0) {
        let what = format!("box {:?} with user {}: both or none", place.terminal, place.user);
        return Err(OfficeError::Usage(what));
    }
    Ok(())
}

/// The area list's version.
pub(super) async fn area_version(conn: &mut Conn) -> Result<u64, OfficeError> {
    let version = ledger::note(conn, "area").await?.unwrap_or_default();
    version.parse().map_err(|_| OfficeError::Stored("area"))
}

/// The area list has changed. No two lists have one version.
pub(super) async fn new_area(conn: &mut Conn) -> Result<(), OfficeError> {
    ledger::note_held(conn, "area").await?;
    let version = area_version(conn).await? + 1;
    ledger::set_note(conn, "area", &version.to_string()).await
}

async fn set_count(
    conn: &mut Conn,
    no: MeterNo,
    count: PurchaseCount,
    reason: &str,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let line = ledger::meter(conn, no).await?.ok_or(OfficeError::NoMeter(no))?;
    if !ledger::tokens_out(conn, no, line.account).await?.is_empty() {
        return Err(OfficeError::Usage(format!("tokens are out for meter {no}")));
    }
    let old = ledger::meter_state(conn, no, line.account).await?;
    let old = old.map_or(PurchaseCount(0), |(count, ..)| count);
    let sql = "UPDATE meter_state SET count = $3, seen = $4 WHERE meter = $1 AND account = $2";
    query(sql)
        .bind(no.to_string())
        .bind(line.account.to_string())
        .bind(i64::from(count.0))
        .bind(now.0)
        .execute(&mut *conn)
        .await?;
    query(
        "INSERT INTO review (id, class, why, device, epoch, seq, meter, raised, settled, verdict,
                             reason)
         VALUES ($1, $2, $3, '', 0, 0, $4, $5, $5, 'count', $6) ON CONFLICT DO NOTHING",
    )
    .bind(format!("count:{no}:{old}:{count}:{}", now.0))
    .bind(if count < old { Class::C5 } else { Class::C4 }.name())
    .bind(format!("the count was set from {old} to {count} by hand"))
    .bind(no.to_string())
    .bind(now.0)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}

async fn add_all(conn: &mut Conn, meters: &[NewMeter], now: i64) -> Result<(), OfficeError> {
    for meter in meters {
        add(conn, meter, now).await?;
    }
    new_area(conn).await
}

async fn add(conn: &mut Conn, new: &NewMeter, now: i64) -> Result<(), OfficeError> {
    let mut line = new.line.clone();
    if line.profile.is_empty() {
        line.profile = usual_profile(line.unit).to_owned();
    }
    for text in [&line.customer, &line.location, &line.profile] {
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(OfficeError::Usage(format!("not a name or a place: {text:?}")));
        }
    }
    check_area(&line.area)?;
    check_place(&line.place)?;
    if let Some(old) = ledger::meter(conn, line.meter).await? {
        if super::closing::closed(conn, line.meter, old.account).await?.is_some() {
            return super::closing::listed_again(conn, &old, (&line, new)).await;
        }
        if (old.account, old.unit) != (line.account, line.unit) {
            return Err(OfficeError::MeterOther(line.meter));
        }
        let sql = "UPDATE meter SET customer = $2, location = $3, profile = $4, area = $5,
                          bus_line = $6, bus_box = $7, bus_user = $8, bus_address = $9
                   WHERE meter = $1";
        let query = query(sql).bind(line.meter.to_string()).bind(&line.customer);
        let query = query.bind(&line.location).bind(&line.profile).bind(&line.area);
        bind_place(query, &line.place).execute(conn).await?;
        return Ok(());
    }
    let sql = "INSERT INTO meter (meter, account, unit, customer, location, profile, area,
                                  bus_line, bus_box, bus_user, bus_address)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let new_row = query(sql)
        .bind(line.meter.to_string())
        .bind(line.account.to_string())
        .bind(unit_name(line.unit))
        .bind(&line.customer)
        .bind(&line.location)
        .bind(&line.profile)
        .bind(&line.area);
    bind_place(new_row, &line.place).execute(&mut *conn).await?;
    query(
        "INSERT INTO meter_state (meter, account, count, balance, seen)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(line.meter.to_string())
    .bind(line.account.to_string())
    .bind(i64::from(new.count.0))
    .bind(new.balance)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Binds the four columns of a place, in the order of the table.
pub(super) fn bind_place(query: Query, place: &BusPlace) -> Query {
    let query = query.bind(&place.line).bind(&place.terminal);
    query.bind(i64::from(place.user)).bind(&place.address)
}

/// An account was opened in a meter: the list carries its customer from now on, and the meter's
/// count goes on where it stood.
pub(super) async fn opened(
    conn: &mut Conn,
    token: &super::model::TokenRow,
) -> Result<(), OfficeError> {
    let Some(line) = ledger::meter(conn, token.meter).await? else { return Ok(()) };
    let sql = "INSERT INTO meter_state (meter, account, count, balance, seen)
               VALUES ($1, $2, $3, 0, 0) ON CONFLICT (meter, account) DO NOTHING";
    query(sql)
        .bind(token.meter.to_string())
        .bind(token.account.to_string())
        .bind(i64::from(token.count_before.0))
        .execute(&mut *conn)
        .await?;
    if line.account == token.account {
        return Ok(());
    }
    query("UPDATE meter SET account = $2 WHERE meter = $1")
        .bind(token.meter.to_string())
        .bind(token.account.to_string())
        .execute(&mut *conn)
        .await?;
    new_area(conn).await
}

/// A meter was swapped: the old one is on the list no more, and the new one has its customer, its
/// place and the account of the leave.
pub(super) async fn swapped(
    conn: &mut Conn,
    facts: &SwapFacts,
    profile: &str,
    at: i64,
) -> Result<(), OfficeError> {
    let old = ledger::meter(conn, facts.old).await?.ok_or(OfficeError::NoMeter(facts.old))?;
    set_closed(conn, facts.old, at).await?;
    let sql = "INSERT INTO meter (meter, account, unit, customer, location, profile, area,
                                  bus_line, bus_box, bus_user, bus_address, closed)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL)
               ON CONFLICT (meter) DO UPDATE SET account = excluded.account, unit = excluded.unit,
               customer = excluded.customer, location = excluded.location,
               profile = excluded.profile, area = excluded.area, bus_line = excluded.bus_line,
               bus_box = excluded.bus_box, bus_user = excluded.bus_user,
               bus_address = excluded.bus_address, closed = NULL";
    // Of its place the bus address is the meter's own; where that is its number, it stays so.
    let own = old.place.address.is_empty() || old.place.address == facts.old.to_string();
    let address = if own { String::new() } else { old.place.address.clone() };
    let place = BusPlace { address, ..old.place };
    let line = query(sql)
        .bind(facts.meter.to_string())
        .bind(facts.account.to_string())
        .bind(unit_name(facts.unit))
        .bind(&old.customer)
        .bind(&old.location)
        .bind(profile)
        .bind(&old.area);
    bind_place(line, &place).execute(&mut *conn).await?;
    query(
        "INSERT INTO meter_state (meter, account, count, balance, seen)
         VALUES ($1, $2, $3, 0, 0) ON CONFLICT (meter, account) DO NOTHING",
    )
    .bind(facts.meter.to_string())
    .bind(facts.account.to_string())
    .bind(i64::from(facts.count.0))
    .execute(&mut *conn)
    .await?;
    new_area(conn).await
}

async fn set_closed(conn: &mut Conn, meter: MeterNo, at: i64) -> Result<(), OfficeError> {
    let closed = query("UPDATE meter SET closed = $2 WHERE meter = $1");
    closed.bind(meter.to_string()).bind(at).execute(conn).await?;
    Ok(())
}

/// A meter's account was closed: it is on the list no more.
pub(super) async fn close(conn: &mut Conn, meter: MeterNo, at: i64) -> Result<(), OfficeError> {
    set_closed(conn, meter, at).await?;
    new_area(conn).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_that_comes_changes_one_page() {
        let of = |numbers: &[u64]| -> Vec<MeterNo> {
            numbers.iter().map(|number| number.to_string().parse().unwrap()).collect()
        };
        let numbers: Vec<u64> = (0..5000).map(|nth| 1_000_000 + nth * 3).collect();
        let pages = |numbers: &[u64]| -> Vec<Vec<MeterNo>> {
            let meters = of(numbers);
            cut(&meters).into_iter().map(|range| meters[range].to_vec()).collect()
        };
        let before = pages(&numbers);
        assert!(before.iter().all(|page| (1..=MAX_PAGE_LINES).contains(&page.len())));
        assert_eq!(before.concat(), of(&numbers));
        assert!((13..60).contains(&before.len()), "{} pages", before.len());
        for new in [1, 1_000_001, 1_007_502, 1_014_000, 9_000_000] {
            let mut with = numbers.clone();
            with.push(new);
            with.sort_unstable();
            let after = pages(&with);
            let changed = after.iter().filter(|page| !before.contains(page)).count();
            assert!(changed <= 3, "{changed} pages of {} changed for {new}", after.len());
        }
        let many: Vec<u64> = (0..MANY as u64 + 1).collect();
        assert_eq!(cut(&of(&many)).len(), (MANY + 1).div_ceil(MAX_PAGE_LINES));
    }

    #[test]
    fn lists_are_read() {
        let new = NewMeter::from_csv("47,123,\"Zhang, San \"\"1\"\"\",B2 1203,kwh,5,-1.50,north")
            .unwrap();
        assert_eq!(new.line.area, "north");
        assert_eq!(new.line.customer, "Zhang, San \"1\"");
        assert_eq!((new.line.unit, new.count.0, new.balance), (CreditUnit::Kwh, 5, -150));
        assert_eq!(NewMeter::from_csv("47,123,A,B").unwrap().line.unit, CreditUnit::Yuan);
        let box_user = "47,1,A,B,,,,east,tcp://10.0.0.7:4001,A,12,48,adf400l-single";
        let line = NewMeter::from_csv(box_user).unwrap().line;
        let place = line.place;
        assert_eq!((line.profile.as_str(), line.area.as_str()), ("adf400l-single", "east"));
        assert_eq!((place.line.as_str(), place.terminal.as_str()), ("tcp://10.0.0.7:4001", "A"));
        assert_eq!((place.user, place.address.as_str()), (12, "48"));
        let too_many = format!("{box_user},9");
        for bad in [
            "",
            "47",
            "47,x,A,B",
            "47,1,A,B,eur",
            "47,1,A,B,kwh,-1",
            "1,1,\"A,B",
            "1,1,A,B,,,,,,A,x",
            "1,1,A,B,,,,,,A,256",
            &too_many,
        ] {
            assert!(NewMeter::from_csv(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
