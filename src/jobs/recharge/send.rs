//! Sending one money frame, by the meter's own protocol and the act of the proof.
//!
//! The proof goes in by value: one intent on disk, one frame. What the meter says to it is never
//! evidence; it only says how doubtful the line is, and why a meter refuses.

use crate::jobs::address::BusAddress;
use crate::jobs::drive::DriveError;
use crate::jobs::readout::{paced, target};
use crate::jobs::{Line, ask};
use crate::profile::{Dlt645Money, Layout, ModbusMoney, MoneyAt, Part, Refund};
use crate::protocol::dlt645::dialogue as dlt645;
use crate::protocol::modbus::frame::Unit;
use crate::protocol::modbus::money as modbus;
use crate::units::IntentProof;

/// What a meter said to a recharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It acknowledged.
    Yes,
    /// It refused with this word.
    Refused(u16),
    /// Nothing, or nothing that can be read. It may or may not have booked.
    Unclear,
    /// Nothing was sent: the facts cannot be expressed.
    NotSent,
}

/// Sends one frame.
///
/// # Errors
/// [`DriveError`]; the frame may have reached the meter.
pub(super) fn once(
    line: &mut Line<'_>,
    address: &BusAddress,
    access: Option<&dlt645::Access>,
    proof: IntentProof,
) -> Result<Said, DriveError> {
    match (line.profile.money.as_ref().map(|rules| &rules.at), address) {
        (Some(MoneyAt::Dlt645(money)), _) if proof.facts().act.is_debit() => {
            debit(line, *money, access, proof)
        }
        (Some(MoneyAt::Dlt645(money)), _) => by_dlt645(line, money.recharge, proof),
        (Some(MoneyAt::Modbus(money)), BusAddress::Modbus(unit)) => {
            by_modbus(line, money, *unit, proof)
        }
        // The evidence before was read from such a meter, so there are rules and an address.
        _ => Ok(Said::NotSent),
    }
}

fn by_dlt645(line: &mut Line<'_>, layout: Layout, proof: IntentProof) -> Result<Said, DriveError> {
    use dlt645::{RechargeLayout, SendCredit};
    let layout = match layout {
        Layout::Sgcc => RechargeLayout::Sgcc,
        Layout::Tms => RechargeLayout::Tms,
        Layout::Ko => RechargeLayout::Ko,
        Layout::Ko2018 => RechargeLayout::Ko2018,
        Layout::Kede => RechargeLayout::Kede,
        Layout::Tw => RechargeLayout::Tw,
    };
    // The meter keeps this code in its event records: the end of the token's identity.
    let operator = proof.facts().token.tail();
    let mut dialogue = SendCredit::new(proof, layout, operator, ask::timing(line));
    Ok(said(&ask::run(line, &mut dialogue, &mut sha2::Digest::new())?))
}

fn said(answer: &dlt645::CreditAnswer) -> Said {
    use dlt645::CreditAnswer;
    match answer {
        CreditAnswer::Acknowledged(_) => Said::Yes,
        CreditAnswer::Refused(word) => Said::Refused(*word),
        CreditAnswer::Silent | CreditAnswer::Garbled => Said::Unclear,
        CreditAnswer::NotSent => Said::NotSent,
    }
}

/// Takes credit out.
fn debit(
    line: &mut Line<'_>,
    money: Dlt645Money,
    access: Option<&dlt645::Access>,
    proof: IntentProof,
) -> Result<Said, DriveError> {
    // The checks before the intent refuse a meter without either.
    let (Some(Refund::Sgcc), Some(access)) = (money.refund, access) else {
        return Ok(Said::NotSent);
    };
    let (layout, timing) = (dlt645::DebitLayout::Sgcc, ask::timing(line));
    let mut dialogue = dlt645::SendDebit::new(proof, layout, access, timing);
    Ok(said(&ask::run(line, &mut dialogue, &mut sha2::Digest::new())?))
}

fn by_modbus(
    line: &mut Line<'_>,
    money: &ModbusMoney,
    unit: Unit,
    proof: IntentProof,
) -> Result<Said, DriveError> {
    use modbus::{CreditAnswer, CreditBlock, SendCredit};
    let part = |part: &Part| match part {
        Part::Amount => modbus::Part::Amount,
        Part::Count => modbus::Part::Count,
        Part::Account => modbus::Part::Account,
    };
    let parts = money.parts.iter().map(|(own, form)| (part(own), *form)).collect();
    let block = CreditBlock { start: money.write, parts };
    let mut timing = paced(line);
    timing.turnaround = line.profile.timing.money;
    let (to, now) = (target(line, unit), line.link.now());
    let mut dialogue = SendCredit::new(proof, &to, &block, timing, now);
    Ok(match ask::run(line, &mut dialogue, &mut sha2::Digest::new())? {
        CreditAnswer::Acknowledged => Said::Yes,
        CreditAnswer::Refused(code) => Said::Refused(code),
        CreditAnswer::Silent | CreditAnswer::Garbled => Said::Unclear,
        CreditAnswer::NotSent => Said::NotSent,
    })
}
