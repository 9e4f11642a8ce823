//! The forms of the acts: their fields, what each takes, and the act that comes of them.

use std::path::PathBuf;

use super::act::{Act, Whose};
use super::page::Name;
use super::query::Query;
use crate::units::{self, DeviceId, MeterNo, Money, OperatorId, Role, TokenId};

/// Longest life of a token, days: what the office itself allows.
const USUAL_DAYS: &str = "3";
/// Days a signed bundle counts, as the command line has it.
const BUNDLE_DAYS: &str = "30";
/// Days a grant lasts, as the command line has it.
const GRANT_DAYS: &str = "90";

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A meter's number.
    Meter,
    /// An amount with up to two decimals.
    Amount,
    /// A whole number.
    Number,
    /// A handheld; those known can be turned through.
    Device,
    /// An operator; those known can be turned through.
    Operator,
    /// Whatever is typed.
    Text,
    /// Names with commas between them.
    Names,
    /// A file's path.
    File,
    /// A token's identity.
    Token,
    /// One of these.
    Choice(&'static [Name]),
}

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Its stable name.
    pub key: Name,
    /// What it takes.
    pub takes: Takes,
    /// Whether it must be filled in.
    pub required: bool,
    /// What stands in it at first.
    pub usual: &'static str,
}

const fn must(key: Name, takes: Takes) -> Spec {
    Spec { key, takes, required: true, usual: "" }
}

const fn may(key: Name, takes: Takes) -> Spec {
    Spec { key, takes, required: false, usual: "" }
}

const fn days(usual: &'static str) -> Spec {
    Spec { key: "days", takes: Takes::Number, required: true, usual }
}

/// Which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Issue one token.
    Issue,
    /// Keep a draft of one.
    Draft,
    /// Issue by a list.
    IssueList,
    /// Settle a token in doubt.
    Settle,
    /// Close a thing in the queue, by its identity.
    CloseReview(String),
    /// Replace a token.
    Reissue,
    /// Fence a lost handheld.
    Fence(DeviceId),
    /// Enter an operator.
    AddOperator,
    /// Grant a handheld.
    Grant,
    /// Close a shift.
    CloseShift,
    /// Put a count right.
    Count(MeterNo),
    /// Sign a bundle.
    SignBundle,
    /// Make a round.
    NewRound,
    /// Close the account of a meter; as the answer to the call about one that was closed in the
    /// field, which may only be marked as seen, too: with that call.
    CloseMeter(MeterNo, Option<String>),
    /// Write a list to a file.
    Export(Query),
}

const KINDS: Takes = Takes::Choice(&["recharge", "open", "refund", "reversal", "carry-over"]);
const VERDICTS: Takes = Takes::Choice(&["booked", "not-booked"]);
const ROLES: Takes =
    Takes::Choice(&["recharge", "finance", "field", "installer", "auditor", "supervisor"]);
const ANSWERS: Takes = Takes::Choice(&["close-account", "only-seen"]);
const WHOSE: Takes = Takes::Choice(&["device", "operator"]);

const ISSUE: &[Spec] = &[
    must("meter", Takes::Meter),
    must("amount", Takes::Amount),
    must("device", Takes::Device),
    must("kind", KINDS),
    days(USUAL_DAYS),
    may("undoes", Takes::Token),
];
const ISSUE_LIST: &[Spec] = &[
    must("file", Takes::File),
    may("device", Takes::Device),
    days(USUAL_DAYS),
    Spec { key: "again", takes: Takes::Number, required: true, usual: "0" },
];
const SETTLE: &[Spec] =
    &[must("token", Takes::Token), must("verdict", VERDICTS), must("reason", Takes::Text)];
const REASON: &[Spec] = &[must("reason", Takes::Text)];
const REISSUE: &[Spec] = &[must("token", Takes::Token), days(USUAL_DAYS)];
const FENCE: &[Spec] = &[may("to", Takes::Device), days(USUAL_DAYS)];
const ADD_OPERATOR: &[Spec] = &[
    must("id", Takes::Text),
    must("name", Takes::Text),
    must("role", ROLES),
    may("areas", Takes::Names),
    days(GRANT_DAYS),
];
const GRANT: &[Spec] = &[must("operator", Takes::Operator), must("device", Takes::Device)];
const CLOSE_SHIFT: &[Spec] =
    &[must("whose", WHOSE), may("device", Takes::Device), may("operator", Takes::Operator)];
const COUNT: &[Spec] = &[must("count", Takes::Number), must("reason", Takes::Text)];
const SIGN_BUNDLE: &[Spec] = &[
    must("file", Takes::File),
    must("device", Takes::Device),
    may("area", Takes::Text),
    days(BUNDLE_DAYS),
    must("out", Takes::File),
];
const NEW_ROUND: &[Spec] = &[
    must("round-name", Takes::Text),
    must("device", Takes::Device),
    may("area", Takes::Text),
    may("file", Takes::File),
    may("due", Takes::Text),
    may("reader-note", Takes::Text),
    days(BUNDLE_DAYS),
];
const CLOSE_METER: &[Spec] =
    &[may("paid", Takes::Amount), may("receipt-no", Takes::Text), must("reason", Takes::Text)];
const CLOSE_CALL: &[Spec] = &[
    must("answer", ANSWERS),
    may("paid", Takes::Amount),
    may("receipt-no", Takes::Text),
    must("reason", Takes::Text),
];
const EXPORT: &[Spec] = &[must("file", Takes::File)];

/// What is wrong with a form: the field, and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// The field's stable name.
    pub key: Name,
    /// What stands in it; empty where it is missing.
    pub text: String,
}

/// What was filled in, by the fields of a form.
struct Values<'a>(&'a [Spec], &'a [String]);

impl Values<'_> {
    fn text(&self, key: Name) -> &str {
        let at = self.0.iter().position(|spec| spec.key == key);
        at.and_then(|at| self.1.get(at)).map_or("", |text| text.trim())
    }

    /// A value that must be there; `read` may refuse it.
    fn must<T>(&self, key: Name, read: impl Fn(&str) -> Option<T>) -> Result<T, Odd> {
        let text = self.text(key);
        let odd = || Odd { key, text: text.to_owned() };
        if text.is_empty() {
            return Err(odd());
        }
        read(text).ok_or_else(odd)
    }

    /// A value that may be left out.
    fn may<T>(&self, key: Name, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Odd> {
        if self.text(key).is_empty() { Ok(None) } else { self.must(key, read).map(Some) }
    }

    fn parsed<T: std::str::FromStr>(&self, key: Name) -> Result<T, Odd> {
        self.must(key, |text| text.parse().ok())
    }

    fn own(&self, key: Name) -> Result<String, Odd> {
        self.must(key, |text| Some(text.to_owned()))
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// An amount that is not negative, in hundredths.
fn amount(text: &str) -> Option<i64> {
    Money::parse(text).map(|money| money.0).filter(|value| *value >= 0)
}

/// What a token does, by the name the command line gives it.
fn kind(text: &str) -> Option<units::Act> {
    use units::Act;
    let known = [Act::Recharge, Act::Open, Act::Refund, Act::Reversal, Act::CarryIn];
    known.into_iter().find(|act| super::act::kind_name(*act) == text)
}

impl Kind {
    /// Its fields.
    pub fn fields(&self) -> &'static [Spec] {
        match self {
            Self::Issue | Self::Draft => ISSUE,
            Self::IssueList => ISSUE_LIST,
            Self::Settle => SETTLE,
            Self::CloseReview(_) => REASON,
            Self::Reissue => REISSUE,
            Self::Fence(_) => FENCE,
            Self::AddOperator => ADD_OPERATOR,
            Self::Grant => GRANT,
            Self::CloseShift => CLOSE_SHIFT,
            Self::Count(_) => COUNT,
            Self::SignBundle => SIGN_BUNDLE,
            Self::NewRound => NEW_ROUND,
            Self::CloseMeter(_, None) => CLOSE_METER,
            Self::CloseMeter(_, Some(_)) => CLOSE_CALL,
            Self::Export(_) => EXPORT,
        }
    }

    /// The stable name of what it is a form for.
    pub fn name(&self) -> Name {
        match self {
            Self::Issue => "act-issue",
            Self::Draft => "act-draft",
            Self::IssueList => "act-issue-list",
            Self::Settle => "act-settle",
            Self::CloseReview(_) => "act-close-review",
            Self::Reissue => "act-reissue",
            Self::Fence(_) => "act-fence",
            Self::AddOperator => "act-add-operator",
            Self::Grant => "act-grant",
            Self::CloseShift => "act-close-shift",
            Self::Count(_) => "act-count",
            Self::SignBundle => "act-sign-bundle",
            Self::NewRound => "act-new-round",
            Self::CloseMeter(..) => "act-close-meter",
            Self::Export(_) => "act-export",
        }
    }

    /// What the form is about, where that is no field of it.
    pub fn about(&self) -> Option<String> {
        match self {
            Self::Fence(device) => Some(device.to_string()),
            Self::Count(meter) | Self::CloseMeter(meter, _) => Some(meter.to_string()),
            _ => None,
        }
    }

    /// The act that comes of what was filled in.
    ///
    /// # Errors
    /// The first field that is missing or odd.
    pub fn act(&self, texts: &[String]) -> Result<Act, Odd> {
        let values = Values(self.fields(), texts);
        Ok(match self {
            Self::Issue => issue(&values)?,
            Self::Draft => Act::Draft(Box::new(issue(&values)?)),
            Self::IssueList => Act::IssueList {
                file: PathBuf::from(values.own("file")?),
                device: values.may("device", parse::<DeviceId>)?,
                days: values.parsed("days")?,
                again: values.parsed("again")?,
            },
            Self::Settle => Act::Settle {
                token: values.parsed("token")?,
                booked: values.own("verdict")? == "booked",
                reason: values.own("reason")?,
            },
            Self::CloseReview(id) => {
                Act::CloseReview { id: id.clone(), reason: values.own("reason")? }
            }
            Self::Reissue => {
                Act::Reissue { token: values.parsed("token")?, days: values.parsed("days")? }
            }
            Self::Fence(device) => Act::Fence {
                device: device.clone(),
                to: values.may("to", parse::<DeviceId>)?,
                days: values.parsed("days")?,
            },
            Self::AddOperator => Act::AddOperator {
                id: values.parsed::<OperatorId>("id")?,
                name: values.own("name")?,
                role: values.parsed::<Role>("role")?,
                areas: areas(values.text("areas")),
                days: values.parsed("days")?,
            },
            Self::Grant => Act::Grant {
                operator: values.parsed("operator")?,
                device: values.parsed("device")?,
            },
            Self::CloseShift => Act::CloseShift(match values.own("whose")?.as_str() {
                "device" => Whose::Device(values.parsed("device")?),
                _ => Whose::Operator(values.parsed("operator")?),
            }),
            Self::Count(meter) => Act::Count {
                meter: *meter,
                count: values.parsed("count")?,
                reason: values.own("reason")?,
            },
            Self::SignBundle => Act::SignBundle {
                file: PathBuf::from(values.own("file")?),
                device: values.parsed("device")?,
                area: values.may("area", |text| Some(text.to_owned()))?,
                days: values.parsed("days")?,
                out: PathBuf::from(values.own("out")?),
            },
            Self::NewRound => {
                let area = values.may("area", |text| Some(text.to_owned()))?;
                let file = values.may("file", |text| Some(PathBuf::from(text)))?;
                // A file names its meters itself.
                if area.is_some() && file.is_some() {
                    return Err(Odd { key: "area", text: values.text("area").to_owned() });
                }
                Act::NewRound {
                    name: values.own("round-name")?,
                    device: values.parsed("device")?,
                    area,
                    file,
                    due: values.may("due", |text| Some(text.to_owned()))?,
                    note: values.text("reader-note").to_owned(),
                    days: values.parsed("days")?,
                }
            }
            Self::CloseMeter(_, Some(id)) if values.text("answer") == "only-seen" => {
                Act::CloseReview { id: id.clone(), reason: values.own("reason")? }
            }
            Self::CloseMeter(meter, _) => Act::CloseMeter {
                meter: *meter,
                reason: values.own("reason")?,
                paid: values.may("paid", amount)?,
                receipt: values.text("receipt-no").to_owned(),
            },
            Self::Export(query) => {
                Act::Export { query: query.clone(), file: PathBuf::from(values.own("file")?) }
            }
        })
    }
}

/// One token to be issued.
fn issue(values: &Values<'_>) -> Result<Act, Odd> {
    Ok(Act::Issue {
        meter: values.parsed::<MeterNo>("meter")?,
        amount: values.must("amount", amount)?,
        device: values.parsed("device")?,
        kind: values.must("kind", kind)?,
        days: values.parsed("days")?,
        undoes: values.may("undoes", parse::<TokenId>)?,
    })
}

/// Names with commas between them.
fn areas(text: &str) -> Vec<String> {
    text.split(',').map(|area| area.trim().to_owned()).filter(|area| !area.is_empty()).collect()
}
