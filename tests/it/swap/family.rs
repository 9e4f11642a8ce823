//! What goes wrong besides the power: the families of faults that every act of money is tried with.

use meterkit::sim::Fault as MeterFault;
use meterkit::transport::Faults;

use super::bench::Bench;

/// What goes wrong besides the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Nothing,
    Lost,
    Late,
    Duplicated,
    Garbled,
    Torn,
    /// A write is obeyed and not answered.
    LostAnswer,
    /// A write is never heard.
    LostRequest,
    Refused,
}

/// All of them.
pub const FAMILIES: [Family; 9] = [
    Family::Nothing,
    Family::Lost,
    Family::Late,
    Family::Duplicated,
    Family::Garbled,
    Family::Torn,
    Family::LostAnswer,
    Family::LostRequest,
    Family::Refused,
];

impl Family {
    /// What the line does wrong.
    pub fn faults(self, seed: u64) -> Faults {
        let none = Faults { seed, ..Faults::NONE };
        let often = 6 * Faults::PERCENT;
        match self {
            Self::Lost => Faults { lost: often, ..none },
            Self::Late => Faults { late: often, ..none },
            Self::Duplicated => Faults { duplicated: often, ..none },
            Self::Garbled => Faults {
                corrupted: Faults::PERCENT / 20,
                truncated: 2 * Faults::PERCENT,
                dropped: Faults::PERCENT / 40,
                noise: Faults::PERCENT / 40,
                ..none
            },
            Self::Nothing | Self::Torn | Self::LostAnswer | Self::LostRequest | Self::Refused => {
                none
            }
        }
    }

    /// What the meters themselves do wrong.
    pub fn arm(self, bench: &Bench) {
        let mut fleet = bench.fleet.lock().unwrap();
        let down = std::time::Duration::from_secs(3);
        let fault = match self {
            Self::Torn => MeterFault::TornWrite(down),
            Self::LostAnswer => MeterFault::LostAck,
            Self::LostRequest => MeterFault::RebootBefore(down),
            _ => return,
        };
        for meter in fleet.meters_mut() {
            // One for the debit or the opening, one for the credit.
            for _ in 0..2 {
                meter.arm(fault);
            }
        }
    }
}
