//! What is bound to a statement: three kinds of values, and columns of them.

/// A value on its way to the database.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    /// A column of many rows; PostgreSQL alone takes it (`many`).
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Blocks(Vec<Option<Vec<u8>>>),
}

impl Cell {
    /// What PostgreSQL calls its type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) | Self::Ints(_) => "bigint",
            Self::Text(_) | Self::Texts(_) => "text",
            Self::Bytes(_) | Self::Blocks(_) => "bytea",
        }
    }

    /// A number; null for another kind.
    pub fn int(self) -> Option<i64> {
        if let Self::Int(value) = self { value } else { None }
    }

    /// A text; null for another kind.
    pub fn text(self) -> Option<String> {
        if let Self::Text(value) = self { value } else { None }
    }

    /// Bytes; null for another kind.
    pub fn bytes(self) -> Option<Vec<u8>> {
        if let Self::Bytes(value) = self { value } else { None }
    }
}

macro_rules! cells {
    ($($from:ty => |$value:ident| $cell:expr;)+) => {
        $(impl From<$from> for Cell {
            fn from($value: $from) -> Self {
                $cell
            }
        })+
    };
}

cells! {
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    &str => |value| Self::Text(Some(clean(value.to_owned())));
    String => |value| Self::Text(Some(clean(value)));
    Option<&str> => |value| Self::Text(value.map(|value| clean(value.to_owned())));
    &String => |value| Self::Text(Some(clean(value.clone())));
    Option<String> => |value| Self::Text(value.map(clean));
    &[u8] => |value| Self::Bytes(Some(value.to_vec()));
    Vec<u8> => |value| Self::Bytes(Some(value));
    &Vec<u8> => |value| Self::Bytes(Some(value.clone()));
}

/// PostgreSQL's text holds no NUL. One in a name that a journal brings must not stop the journal;
/// the entry itself is kept byte for byte.
fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
