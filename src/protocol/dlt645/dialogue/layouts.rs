//! How a recharge frame is laid out, maker by maker (dlt645.md 6.1 and 6.5).
//!
//! There is no standard for meters without a security module. Amounts are binary where the grid
//! company's layout is followed and packed BCD where the table says so; both low byte first.

use crate::protocol::value::write_bcd;
use crate::units::{AccountNo, Act, CreditUnit, IntentFacts, PurchaseCount};

/// Open an account; with the next purchase count it books money, too.
pub(super) const DI_OPEN: u32 = 0x0701_01FF;
/// Recharge.
pub(super) const DI_RECHARGE: u32 = 0x0701_02FF;
/// No MAC: the meter has no security module.
pub(super) const NO_MAC: [u8; 4] = [0; 4];
/// What Kede meters get for an operator code, in the order it is sent.
const KEDE_OPERATOR: [u8; 4] = [0x01, 0, 0, 0];
/// "Money in" in Kede's direction flag and KO's flag. The table names the byte and not its value:
/// zero is what a field that is not used holds.
const MONEY_IN: u8 = 0;
/// Zeros behind Kede's flag.
const KEDE_FILL: usize = 13;

/// How a meter without a security module wants its recharge frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RechargeLayout {
    /// The numbers of the grid company's layout (amount, count, customer) with both MACs zero: 30
    /// data bytes.
    Sgcc,
    /// TMS: amount, order number, MAC zero, meter number, MAC zero: 34 data bytes.
    Tms,
    /// KO, older: as [`Self::Sgcc`], the meter ignores the MACs and answers with its purse.
    Ko,
    /// KO of 2018: meter, customer, amount and count in BCD, flag: 27 data bytes.
    Ko2018,
    /// Kede: amount in BCD of 0.01 kWh, count in BCD, direction flag, 13 zeros: 30 data bytes. For
    /// purses that count energy only.
    Kede,
    /// TW gateway: as [`Self::Sgcc`]; the first purchase of a meter goes out as an opening.
    Tw,
}

impl RechargeLayout {
    /// Every layout.
    pub const ALL: [Self; 6] =
        [Self::Sgcc, Self::Tms, Self::Ko, Self::Ko2018, Self::Kede, Self::Tw];

    /// The identifier and the data of the frame; `None` if the facts cannot be expressed.
    /// `operator` is the operator code, high byte first.
    pub(super) fn data(self, facts: &IntentFacts, operator: [u8; 4]) -> Option<(u32, Vec<u8>)> {
        if facts.act == Act::Open {
            return self.opening(facts, operator);
        }
        if facts.act.is_debit() {
            return None;
        }
        let value = facts.credit.value;
        let amount = u32::try_from(value).ok().filter(|amount| *amount > 0)?;
        let count = facts.count_before.next()?;
        let di = match self {
            Self::Tw if facts.count_before == PurchaseCount(0) => DI_OPEN,
            _ => DI_RECHARGE,
        };
        let mut data = head(di, operator);
        match self {
            Self::Sgcc | Self::Ko | Self::Tw => {
                data.extend(amount.to_le_bytes());
                purse_tail(&mut data, count, facts.account);
            }
            Self::Tms => {
                data.extend(amount.to_le_bytes());
                data.extend(facts.order.iter().rev());
                data.extend(NO_MAC);
                data.extend(facts.meter.wire());
                data.extend(NO_MAC);
            }
            Self::Ko2018 => {
                data.extend(facts.meter.wire());
                data.extend(facts.account.wire());
                data.extend(write_bcd(value, 4)?);
                data.extend(write_bcd(i64::from(count.0), 2)?);
                data.push(MONEY_IN);
            }
            Self::Kede => {
                if facts.credit.unit != CreditUnit::Kwh {
                    return None;
                }
                data.truncate(4);
                data.extend(KEDE_OPERATOR);
                data.extend(write_bcd(value, 4)?);
                data.extend(write_bcd(i64::from(count.0), 4)?);
                data.push(MONEY_IN);
                data.extend([0; KEDE_FILL]);
            }
        }
        Some((di, data))
    }

    /// The opening frame of the grid company's layout: with the count that the meter has it books
    /// nothing and can be repeated, with the next one it books the first credit (dlt645.md 6.1).
    fn opening(self, facts: &IntentFacts, operator: [u8; 4]) -> Option<(u32, Vec<u8>)> {
        if !matches!(self, Self::Sgcc | Self::Ko | Self::Tw) {
            return None;
        }
        let amount = u32::try_from(facts.credit.value).ok()?;
        let count = match amount {
            0 => facts.count_before,
            _ => facts.count_before.next()?,
        };
        let mut data = head(DI_OPEN, operator);
        data.extend(amount.to_le_bytes());
        purse_tail(&mut data, count, facts.account);
        Some((DI_OPEN, data))
    }
}

/// Identifier and operator code.
pub(super) fn head(di: u32, operator: [u8; 4]) -> Vec<u8> {
    let mut data = di.to_le_bytes().to_vec();
    data.extend(operator.iter().rev());
    data
}

/// Count, MAC, customer, MAC: what follows the amount in the grid company's layout.
pub(super) fn purse_tail(data: &mut Vec<u8>, count: PurchaseCount, account: AccountNo) {
    data.extend(count.0.to_le_bytes());
    data.extend(NO_MAC);
    data.extend(account.wire());
    data.extend(NO_MAC);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::value::hex;
    use crate::units::{Credit, TokenId};

    fn facts(value: i64, unit: CreditUnit, count: u32) -> IntentFacts {
        IntentFacts {
            act: crate::units::Act::Recharge,
            token: TokenId([0; 16]),
            meter: "260305510012".parse().unwrap(),
            account: "112233445566".parse().unwrap(),
            count_before: PurchaseCount(count),
            credit: Credit { value, unit },
            order: [0x12, 0x40, 0x82, 0x62, 0x02, 0x12, 0x41, 0x38],
        }
    }

    #[test]
    fn every_frame_is_that_of_the_table() {
        use CreditUnit::{Kwh, Yuan};
        // 123.45 after 99 purchases; lengths L of 6.5: 30, 34, 30, 27, 30, 30.
        let purse = "443322113930000064000000000000006655443322110000 0000".replace(' ', "");
        let cases = [
            (RechargeLayout::Sgcc, Yuan, format!("FF020107{purse}"), 30),
            (
                RechargeLayout::Tms,
                Yuan,
                "FF02010744332211393000003841120262824012000000001200510503260000 0000"
                    .replace(' ', ""),
                34,
            ),
            (RechargeLayout::Ko, Yuan, format!("FF020107{purse}"), 30),
            (
                RechargeLayout::Ko2018,
                Yuan,
                "FF0201074433221112005105032666554433221145230100000100".to_owned(),
                27,
            ),
            (
                RechargeLayout::Kede,
                Kwh,
                format!("FF020107010000004523010000010000{}", "00".repeat(14)),
                30,
            ),
            (RechargeLayout::Tw, Yuan, format!("FF020107{purse}"), 30),
        ];
        for (layout, unit, expected, len) in cases {
            let facts = facts(12_345, unit, 99);
            let (di, data) = layout.data(&facts, [0x11, 0x22, 0x33, 0x44]).unwrap();
            assert_eq!((hex(&data), data.len()), (expected, len), "{layout:?}");
            assert_eq!(di, DI_RECHARGE);
        }
        let (di, first) = RechargeLayout::Tw.data(&facts(1, Yuan, 0), [0; 4]).unwrap();
        assert_eq!((di, hex(&first[..4])), (DI_OPEN, "FF010107".to_owned()));
    }

    #[test]
    fn an_opening_books_with_the_next_count_only() {
        let open =
            |value, count| IntentFacts { act: Act::Open, ..facts(value, CreditUnit::Yuan, count) };
        for (value, count, sent) in [(0, 0, 0), (0, 7, 7), (12_345, 0, 1), (12_345, 7, 8)] {
            let (di, data) = RechargeLayout::Sgcc.data(&open(value, count), [0; 4]).unwrap();
            assert_eq!((di, data.len()), (DI_OPEN, 30));
            assert_eq!(
                hex(&data[8..16]),
                format!("{:08X}{:08X}", (value as u32).swap_bytes(), u32::swap_bytes(sent))
            );
            assert_eq!(hex(&data[20..26]), "665544332211");
        }
        assert_eq!(RechargeLayout::Kede.data(&open(0, 0), [0; 4]), None, "no opening is known");
        let out = IntentFacts { act: Act::Refund, ..facts(1, CreditUnit::Yuan, 1) };
        for layout in RechargeLayout::ALL {
            assert_eq!(layout.data(&out, [0; 4]), None, "{layout:?}: a debit is no recharge");
        }
    }

    #[test]
    fn what_digits_cannot_hold_is_not_built() {
        let yuan = |value, count| facts(value, CreditUnit::Yuan, count);
        let kwh = |value, count| facts(value, CreditUnit::Kwh, count);
        for (layout, facts) in [
            (RechargeLayout::Ko2018, yuan(100_000_000, 1)),
            (RechargeLayout::Ko2018, yuan(1, 9_999)),
            (RechargeLayout::Kede, kwh(100_000_000, 1)),
            (RechargeLayout::Kede, kwh(1, 99_999_999)),
            // Kede counts energy: money would be booked as kWh.
            (RechargeLayout::Kede, yuan(1, 1)),
        ] {
            assert_eq!(layout.data(&facts, [0; 4]), None, "{layout:?} {facts:?}");
        }
        assert!(RechargeLayout::Ko2018.data(&yuan(99_999_999, 9_998), [0; 4]).is_some());
        assert!(RechargeLayout::Kede.data(&kwh(99_999_999, 99_999_998), [0; 4]).is_some());
    }
}
