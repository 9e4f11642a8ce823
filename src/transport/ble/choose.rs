//! Which two characteristics of a head are its serial line.
//!
//! No public list of meter heads' UUIDs exists; these are the serial services of the modules they
//! are built from (transport.md 3.5, mostly kai-morich/SimpleBluetoothLeTerminal). Some firmwares
//! swap the two characteristics, so the properties decide who is who.

use std::collections::BTreeSet;

use btleplug::api::{CharPropFlags, Characteristic, Service};
use uuid::Uuid;

use crate::transport::HeadRow;

/// A kind of serial service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its common name.
    pub name: &'static str,
    /// The service.
    pub service: Uuid,
    /// The characteristics that can be its line, most usual first.
    pub lines: &'static [Uuid],
}

/// A 16-bit UUID of the Bluetooth base.
const fn short(number: u16) -> Uuid {
    Uuid::from_u128(((number as u128) << 96) | 0x0000_1000_8000_0080_5F9B_34FB)
}

/// The kinds known, tried in this order.
pub const HEADS: &[Head] = &[
    Head {
        name: "Nordic UART",
        service: Uuid::from_u128(0x6E400001_B5A3_F393_E0A9_E50E24DCCA9E),
        lines: &[
            Uuid::from_u128(0x6E400002_B5A3_F393_E0A9_E50E24DCCA9E),
            Uuid::from_u128(0x6E400003_B5A3_F393_E0A9_E50E24DCCA9E),
        ],
    },
    Head {
        // A Nordic look-alike with its own base.
        name: "Northmeter",
        service: Uuid::from_u128(0x6E400001_B5A3_F393_E0A9_E50E24DC4179),
        lines: &[
            Uuid::from_u128(0x6E400002_B5A3_F393_E0A9_E50E24DC4179),
            Uuid::from_u128(0x6E400003_B5A3_F393_E0A9_E50E24DC4179),
        ],
    },
    Head { name: "HM-10", service: short(0xFFE0), lines: &[short(0xFFE1)] },
    Head {
        name: "FFF0 module",
        service: short(0xFFF0),
        lines: &[short(0xFFF2), short(0xFFF1), short(0xFFF3)],
    },
    Head { name: "FFE5 module", service: short(0xFFE5), lines: &[short(0xFFE9)] },
    Head {
        name: "Microchip RN4870",
        service: Uuid::from_u128(0x49535343_FE7D_4AE5_8FA9_9FAFD205E455),
        lines: &[
            Uuid::from_u128(0x49535343_8841_43F4_A8D4_ECBE34729BB3),
            Uuid::from_u128(0x49535343_1E4D_4BD9_BA61_23C647249616),
        ],
    },
];

/// Services every device has; none is a line.
const COMMON: &[Uuid] = &[short(0x1800), short(0x1801), short(0x180A), short(0x180F)];

/// The line of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// What it was taken for.
    pub name: String,
    /// Where we write.
    pub write: Characteristic,
    /// Where it notifies; may be the same.
    pub notify: Characteristic,
}

/// Chooses the line among the services found: a kind the user has added, a known kind, else any
/// service with one characteristic that can be written and one that notifies.
pub fn choose(services: &BTreeSet<Service>, rows: &[HeadRow]) -> Option<Chosen> {
    let added = rows.iter().find_map(|row| {
        let wanted = Uuid::from_u128(row.service);
        let service = services.iter().find(|service| service.uuid == wanted)?;
        let line = |number| {
            let uuid = Uuid::from_u128(number);
            service.characteristics.iter().find(|c| c.uuid == uuid)
        };
        // By what they can do: some firmwares have the two the other way round.
        let lines: Vec<_> = [row.write, row.notify].into_iter().filter_map(line).collect();
        pair(&row.name, &lines)
    });
    let known = || {
        HEADS.iter().find_map(|head| {
            let service = services.iter().find(|service| service.uuid == head.service)?;
            let named = |c: &&Characteristic| head.lines.contains(&c.uuid);
            let rank = |c: &&Characteristic| head.lines.iter().position(|uuid| *uuid == c.uuid);
            let mut lines: Vec<_> = service.characteristics.iter().filter(named).collect();
            lines.sort_by_key(rank);
            // A module that keeps its own order has the rest of its service too.
            lines.extend(service.characteristics.iter().filter(|c| !named(c)));
            pair(head.name, &lines)
        })
    };
    added.or_else(known).or_else(|| {
        let others = services.iter().filter(|service| !COMMON.contains(&service.uuid));
        others.into_iter().find_map(|service| {
            pair("serial service", &service.characteristics.iter().collect::<Vec<_>>())
        })
    })
}

fn pair(name: &str, lines: &[&Characteristic]) -> Option<Chosen> {
    let writes = CharPropFlags::WRITE | CharPropFlags::WRITE_WITHOUT_RESPONSE;
    let notifies = CharPropFlags::NOTIFY | CharPropFlags::INDICATE;
    let first = |flags| lines.iter().find(|c| c.properties.intersects(flags));
    let (write, notify) = ((*first(writes)?).clone(), (*first(notifies)?).clone());
    Some(Chosen { name: name.to_owned(), write, notify })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: CharPropFlags = CharPropFlags::WRITE;
    const QUIET: CharPropFlags = CharPropFlags::WRITE_WITHOUT_RESPONSE;
    const NOTIFY: CharPropFlags = CharPropFlags::NOTIFY;

    fn service(uuid: Uuid, lines: &[(Uuid, CharPropFlags)]) -> Service {
        let characteristics = lines
            .iter()
            .map(|(line, properties)| Characteristic {
                uuid: *line,
                service_uuid: uuid,
                properties: *properties,
                descriptors: BTreeSet::new(),
            })
            .collect();
        Service { uuid, primary: true, characteristics }
    }

    #[test]
    fn the_line_is_found_by_table_then_by_properties() {
        let [nus, _, hm10, fff0, ..] = HEADS else { panic!("table") };
        let (tx, rx) = (nus.lines[0], nus.lines[1]);
        let odd = Uuid::from_u128(7);
        let common = service(COMMON[0], &[(short(0x2A00), WRITE | NOTIFY)]);
        let cases = [
            ("usual", service(nus.service, &[(tx, QUIET), (rx, NOTIFY)]), Some((tx, rx))),
            ("swapped", service(nus.service, &[(rx, WRITE), (tx, NOTIFY)]), Some((rx, tx))),
            (
                "one for both",
                service(hm10.service, &[(short(0xFFE1), QUIET | NOTIFY)]),
                Some((short(0xFFE1), short(0xFFE1))),
            ),
            (
                "usual order first",
                service(
                    fff0.service,
                    &[(short(0xFFF3), WRITE), (short(0xFFF2), WRITE), (short(0xFFF1), NOTIFY)],
                ),
                Some((short(0xFFF2), short(0xFFF1))),
            ),
            ("unknown", service(odd, &[(rx, NOTIFY), (tx, WRITE)]), Some((tx, rx))),
            ("mute", service(nus.service, &[(tx, WRITE)]), None),
        ];
        for (name, service, expected) in cases {
            let chosen = choose(&BTreeSet::from([common.clone(), service]), &[]);
            assert_eq!(chosen.map(|c| (c.write.uuid, c.notify.uuid)), expected, "{name}");
        }
        // A known service wins over one that merely fits.
        let fits = service(Uuid::from_u128(1), &[(odd, WRITE | NOTIFY)]);
        let known = service(nus.service, &[(tx, QUIET), (rx, NOTIFY)]);
        let both = BTreeSet::from([fits, known]);
        let chosen = choose(&both, &[]).unwrap();
        assert_eq!((chosen.name.as_str(), chosen.write.uuid), ("Nordic UART", tx));
        // And a row of the user over both; one whose lines are not there is passed over.
        let row = |service: u128, line: Uuid| HeadRow {
            name: "mine".to_owned(),
            service,
            write: line.as_u128(),
            notify: line.as_u128(),
        };
        let chosen = choose(&both, &[row(1, odd)]).unwrap();
        assert_eq!((chosen.name.as_str(), chosen.write.uuid), ("mine", odd));
        for rows in [row(1, tx), row(2, odd)] {
            assert_eq!(choose(&both, &[rows]).unwrap().name, "Nordic UART");
        }
    }

    #[test]
    fn short_uuids_are_of_the_bluetooth_base() {
        assert_eq!(short(0xFFE0).to_string(), "0000ffe0-0000-1000-8000-00805f9b34fb");
    }
}
