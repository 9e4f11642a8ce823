//! Frames in words, whatever the protocol: what `decode`, the live trace and recordings show.
//!
//! Plain values, no output format. Field names are those of the reference vectors.

/// One field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    /// There is none.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text; exact decimals are text, too.
    Text(String),
    /// Several.
    List(Vec<Datum>),
    /// Fields.
    Map(Fields),
}

/// Fields in the order they are shown.
pub type Fields = Vec<(String, Datum)>;

/// Something found in a string of bytes: a frame in words, or what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The stable name of the fault, `bad_crc` for one; `None` for a good frame.
    pub fault: Option<&'static str>,
    /// What it says; for a bad frame, what could still be read.
    pub fields: Fields,
    /// One phrase, stable English (protocol names).
    pub meaning: String,
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Datum {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

macro_rules! whole_numbers {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Datum {
            fn from(number: $kind) -> Self {
                Self::Int(i64::from(number))
            }
        }
    )*};
}

whole_numbers!(u8, u16, u32, i16, i32, i64);

impl<T: Into<Datum>> From<Vec<T>> for Datum {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Datum>> From<Option<T>> for Datum {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Explained {
    /// A good frame.
    pub fn good(fields: Fields, meaning: impl Into<String>) -> Self {
        Self { fault: None, fields, meaning: meaning.into() }
    }

    /// A bad one.
    pub fn bad(fault: &'static str, fields: Fields, meaning: impl Into<String>) -> Self {
        Self { fault: Some(fault), fields, meaning: meaning.into() }
    }
}

/// A field.
pub fn field(name: &str, value: impl Into<Datum>) -> (String, Datum) {
    (name.to_owned(), value.into())
}
