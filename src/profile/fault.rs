//! What can be wrong with a profile, and what is only doubtful.

use std::fmt;

/// Something wrong or doubtful in a profile file, with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileFault {
    /// The file's name, where there are several; else empty.
    pub file: String,
    /// Its line, from 1; 0 for the whole file.
    pub line: usize,
    /// The key, with its section: `line.baud`, `item[3].form`.
    pub key: String,
    /// What stands there; empty if nothing does.
    pub value: String,
    /// What is the matter.
    pub what: What,
}

/// What is the matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum What {
    /// The file is no TOML here; the parser's words.
    Syntax(String),
    /// The file is longer than [`super::MAX_FILE`].
    #[default]
    TooLong,
    /// The key is not there.
    Missing {
        /// What should be.
        expected: String,
    },
    /// Nobody knows this key.
    Unknown {
        /// The keys known here.
        expected: String,
    },
    /// The value cannot be.
    Wrong {
        /// What could.
        expected: String,
    },
    /// Not with this protocol.
    NotHere {
        /// The protocol, as it is written.
        protocol: &'static str,
    },
    /// It is there already.
    Twice {
        /// The line of the first.
        first: usize,
    },
    /// `[[status]]` names an item that is not listed.
    NoSuchItem,
    /// A built-in profile, or one read before, has this id.
    IdTaken,
    /// The item can carry money: no bundle writes it.
    Money,
    /// Doubtful: a name without words of its own; it is shown as it is written.
    UnknownName,
    /// Doubtful: another item stands at the same place.
    SamePlace {
        /// Its name.
        with: String,
    },
    /// Doubtful: it shares registers with another item.
    Overlap {
        /// Its name.
        with: String,
    },
    /// Doubtful: the protocol's tables do not know the identifier and no form is given: shown as
    /// hex.
    NotInTables,
    /// Doubtful: what is written to the meter is not sure enough (below B).
    Unsure {
        /// How sure it is said to be.
        confidence: char,
    },
    /// Doubtful: without these rows a recharge is refused.
    MoneyIncomplete {
        /// Their keys.
        rows: Vec<String>,
    },
    /// Doubtful: there is no `[money]`, so a recharge is refused.
    NoMoney,
}

impl What {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax",
            Self::TooLong => "too-long",
            Self::Missing { .. } => "missing",
            Self::Unknown { .. } => "unknown-key",
            Self::Wrong { .. } => "wrong-value",
            Self::NotHere { .. } => "not-with-this-protocol",
            Self::Twice { .. } => "twice",
            Self::NoSuchItem => "no-such-item",
            Self::IdTaken => "id-taken",
            Self::Money => "carries-money",
            Self::UnknownName => "unknown-name",
            Self::SamePlace { .. } => "same-place",
            Self::Overlap { .. } => "overlap",
            Self::NotInTables => "not-in-tables",
            Self::Unsure { .. } => "unsure",
            Self::MoneyIncomplete { .. } => "money-incomplete",
            Self::NoMoney => "no-money",
        }
    }

    /// Whether the profile cannot be used; the others are doubts.
    pub fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::UnknownName
                | Self::SamePlace { .. }
                | Self::Overlap { .. }
                | Self::NotInTables
                | Self::Unsure { .. }
                | Self::MoneyIncomplete { .. }
                | Self::NoMoney
        )
    }

    /// What should stand there, or what it clashes with; empty where there is nothing to add.
    pub fn expected(&self) -> String {
        match self {
            Self::Missing { expected } | Self::Unknown { expected } | Self::Wrong { expected } => {
                expected.clone()
            }
            Self::Syntax(words) => words.clone(),
            Self::SamePlace { with } | Self::Overlap { with } => with.clone(),
            Self::Twice { first } => first.to_string(),
            Self::NotHere { protocol } => (*protocol).to_owned(),
            Self::Unsure { confidence } => confidence.to_string(),
            Self::MoneyIncomplete { rows } => rows.join(", "),
            Self::TooLong => super::MAX_FILE.to_string(),
            _ => String::new(),
        }
    }
}

impl fmt::Display for ProfileFault {
    /// For logs and details; the words for people are in `text::profiles`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, value, what } = self;
        if !file.is_empty() {
            write!(f, "{file}: ")?;
        }
        if *line > 0 {
            write!(f, "line {line}: ")?;
        }
        if !key.is_empty() {
            f.write_str(key)?;
            if !value.is_empty() {
                write!(f, " = {value}")?;
            }
            f.write_str(": ")?;
        }
        let expected = what.expected();
        match what {
            What::Wrong { .. } => write!(f, "expected {expected}"),
            _ if expected.is_empty() => f.write_str(what.code()),
            _ => write!(f, "{}: {expected}", what.code()),
        }
    }
}
