//! What is asked for: logical names and the attributes (or methods) behind them.

use std::fmt;

/// A logical name: six numbers, A-B:C.D.E*F of the OBIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Obis(pub [u8; 6]);

/// Not a logical name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a logical name is six numbers from 0 to 255 with points between them")]
pub struct ObisError;

impl Obis {
    /// Reads `1.0.1.8.0.255`, or the usual way of writing the same name, `1-0:1.8.0*255`.
    ///
    /// # Errors
    /// [`ObisError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ObisError> {
        let points = text.split('.').count();
        let parts: Vec<&str> = match points {
            6 => text.split('.').collect(),
            // A-B:C.D.E*F: each sign once and in this order.
            3 => text
                .split_once('-')
                .and_then(|(a, rest)| rest.split_once(':').map(|(b, rest)| (a, b, rest)))
                .and_then(|(a, b, rest)| rest.split_once('*').map(|(cde, f)| (a, b, cde, f)))
                .map(|(a, b, cde, f)| [a, b].into_iter().chain(cde.split('.')).chain([f]).collect())
                .unwrap_or_default(),
            _ => Vec::new(),
        };
        let number = |part: &&str| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u8>().ok()).flatten()
        };
        let numbers: Option<Vec<u8>> = parts.iter().map(number).collect();
        numbers.and_then(|n| n.try_into().ok()).map(Self).ok_or(ObisError)
    }
}

impl fmt::Display for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, last] = self.0;
        write!(f, "{a}.{b}.{c}.{d}.{e}.{last}")
    }
}

/// An attribute of an object, or one of its methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// Interface class: 1 data, 3 register, 7 profile, 8 clock, ...
    pub class: u16,
    /// Its logical name.
    pub obis: Obis,
    /// Number of the attribute or method, from 1; 0 is all attributes.
    pub index: i8,
}

impl Attribute {
    /// Attribute (or method) `index` of the object `obis`.
    pub const fn new(class: u16, obis: [u8; 6], index: i8) -> Self {
        Self { class, obis: Obis(obis), index }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.class, self.obis, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_names_are_read_and_shown() {
        let energy = Obis([1, 0, 1, 8, 0, 255]);
        assert_eq!(Obis::parse("1.0.1.8.0.255"), Ok(energy));
        assert_eq!(Obis::parse("1-0:1.8.0*255"), Ok(energy));
        assert_eq!(energy.to_string(), "1.0.1.8.0.255");
        for text in ["", "1.0.1.8.0", "1.0.1.8.0.256", "1.0.1.8.0.+5", "1.0.1.8.0.", "1-0:1.8.0"] {
            assert_eq!(Obis::parse(text), Err(ObisError), "{text}");
        }
        for text in ["1:0-1.8.0*255", "1-0:1.8.0.1*255", "1.0.1.8.0.255.1", "1.0.1.8.0.0255"] {
            assert_eq!(Obis::parse(text), Err(ObisError), "{text}");
        }
    }
}
