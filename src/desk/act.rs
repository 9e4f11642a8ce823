//! What can be done at the desk, and the command line that does the same.

use std::path::PathBuf;

use super::query::{Query, quoted};
use crate::units::{self, DeviceId, MeterNo, Money, OperatorId, Role, TokenId};

/// Whose shift is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// A handheld's.
    Device(DeviceId),
    /// An operator's.
    Operator(OperatorId),
}

/// One act, with everything it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Issue one token.
    Issue {
        /// For which meter.
        meter: MeterNo,
        /// What it does.
        kind: units::Act,
        /// How much, hundredths of the meter's unit.
        amount: i64,
        /// To which handheld.
        device: DeviceId,
        /// For how many days.
        days: i64,
        /// The recharge a reversal undoes.
        undoes: Option<TokenId>,
    },
    /// Only write down what [`Act::Issue`] says.
    Draft(Box<Act>),
    /// Issue what was written down.
    IssueDraft {
        /// Which.
        draft: TokenId,
    },
    /// Drop what was written down.
    DropDraft {
        /// Which.
        draft: TokenId,
    },
    /// Issue the tokens of a list, all or none.
    IssueList {
        /// The file.
        file: PathBuf,
        /// To which handheld, where a row has none.
        device: Option<DeviceId>,
        /// For how many days.
        days: i64,
        /// How often the same list is issued on purpose, 0 as a rule.
        again: u32,
    },
    /// Say whether the credit of a token is in its meter.
    Settle {
        /// Which.
        token: TokenId,
        /// Whether it is.
        booked: bool,
        /// Why.
        reason: String,
    },
    /// Close something that concerns no token.
    CloseReview {
        /// Which.
        id: String,
        /// Why.
        reason: String,
    },
    /// Replace a token at the same step.
    Reissue {
        /// Which.
        token: TokenId,
        /// For how many days.
        days: i64,
    },
    /// Take a token back.
    RevokeToken {
        /// Which.
        token: TokenId,
    },
    /// Stop a lost handheld, and issue anew what it carries.
    Fence {
        /// Which.
        device: DeviceId,
        /// To which other handheld; without: stop only.
        to: Option<DeviceId>,
        /// For how many days.
        days: i64,
    },
    /// Enter an operator.
    AddOperator {
        /// His number or short name.
        id: OperatorId,
        /// His name.
        name: String,
        /// What he is employed for.
        role: Role,
        /// Areas he may work in; none: everywhere.
        areas: Vec<String>,
        /// How long a grant of his lasts.
        days: i64,
    },
    /// Grant an operator what he is entered for, on one handheld.
    Grant {
        /// Who.
        operator: OperatorId,
        /// Where.
        device: DeviceId,
    },
    /// Take everything from an operator.
    RevokeOperator {
        /// Who.
        operator: OperatorId,
    },
    /// Put a meter's purchase count right.
    Count {
        /// Which.
        meter: MeterNo,
        /// What it shows.
        count: u32,
        /// Why.
        reason: String,
    },
    /// Sign a file of parameters.
    SignBundle {
        /// The file.
        file: PathBuf,
        /// For which handheld.
        device: DeviceId,
        /// Only meters of this area.
        area: Option<String>,
        /// For how many days.
        days: i64,
        /// The signed file to write.
        out: PathBuf,
    },
    /// Make a round for a handheld.
    NewRound {
        /// What it is called.
        name: String,
        /// For which handheld.
        device: DeviceId,
        /// Only meters of this area.
        area: Option<String>,
        /// Those of a file; else of the list.
        file: Option<PathBuf>,
        /// By when it is to be read.
        due: Option<String>,
        /// What the reader should know.
        note: String,
        /// For how many days it can be begun.
        days: i64,
    },
    /// Withdraw a round.
    WithdrawRound {
        /// Which.
        round: TokenId,
    },
    /// Close the account of a meter.
    CloseMeter {
        /// Which.
        meter: MeterNo,
        /// Why.
        reason: String,
        /// What was paid back, hundredths.
        paid: Option<i64>,
        /// The receipt for it.
        receipt: String,
    },
    /// Close a shift.
    CloseShift(Whose),
    /// Write a list to a file.
    Export {
        /// Which.
        query: Query,
        /// Where to; the ending says in which form.
        file: PathBuf,
    },
}

/// An option with a value, if there is one.
fn option(name: &str, value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| format!(" --{name} {}", quoted(&value.to_string())))
}

fn path(path: &std::path::Path) -> String {
    quoted(&path.display().to_string())
}

/// What the command line calls a kind of token.
pub fn kind_name(kind: units::Act) -> &'static str {
    match kind {
        units::Act::CarryIn => "carry-over",
        other => other.name(),
    }
}

impl Act {
    /// The stable name of the act.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Issue { .. } => "act-issue",
            Self::Draft(_) => "act-draft",
            Self::IssueDraft { .. } => "act-issue",
            Self::DropDraft { .. } => "act-drop-draft",
            Self::IssueList { .. } => "act-issue-list",
            Self::Settle { .. } => "act-settle",
            Self::CloseReview { .. } => "act-close-review",
            Self::Reissue { .. } => "act-reissue",
            Self::RevokeToken { .. } => "act-revoke-token",
            Self::Fence { .. } => "act-fence",
            Self::AddOperator { .. } => "act-add-operator",
            Self::Grant { .. } => "act-grant",
            Self::RevokeOperator { .. } => "act-revoke-operator",
            Self::Count { .. } => "act-count",
            Self::SignBundle { .. } => "act-sign-bundle",
            Self::NewRound { .. } => "act-new-round",
            Self::WithdrawRound { .. } => "act-withdraw-round",
            Self::CloseMeter { .. } => "act-close-meter",
            Self::CloseShift(_) => "act-close-shift",
            Self::Export { .. } => "act-export",
        }
    }

    /// What stands behind `meterkit-office` to do the same.
    pub fn command(&self) -> String {
        match self {
            Self::Issue { meter, kind, amount, device, days, undoes } => {
                let amount = Money(*amount);
                let kind = match kind {
                    units::Act::Recharge => String::new(),
                    kind => format!(" --kind {}", kind_name(*kind)),
                };
                let undoes = option("undoes", *undoes);
                format!(
                    "issue --meter {meter} --amount {amount}{kind}{undoes} --device {device} \
                     --days {days}"
                )
            }
            Self::Draft(act) => format!("{} --draft", act.command()),
            Self::IssueDraft { draft } => format!("draft issue {draft}"),
            Self::DropDraft { draft } => format!("draft drop {draft}"),
            Self::IssueList { file, device, days, again } => {
                let again = option("again", Some(*again).filter(|again| *again > 0));
                let device = option("device", device.as_ref());
                format!("issue-list {}{device} --days {days}{again}", path(file))
            }
            Self::Settle { token, booked, reason } => {
                let verdict = if *booked { "booked" } else { "not-booked" };
                format!("review settle {token} --{verdict} --reason {}", quoted(reason))
            }
            Self::CloseReview { id, reason } => {
                format!("review close {} --reason {}", quoted(id), quoted(reason))
            }
            Self::Reissue { token, days } => format!("reissue {token} --days {days}"),
            Self::RevokeToken { token } => format!("revoke token {token}"),
            Self::Fence { device, to, days } => {
                format!("lost {device} --fence{} --days {days}", option("to", to.as_ref()))
            }
            Self::AddOperator { id, name, role, areas, days } => {
                let areas = Some(areas.join(",")).filter(|areas| !areas.is_empty());
                let (name, areas) = (quoted(name), option("areas", areas));
                let role = role.name();
                format!("operator add {id} --name {name} --role {role}{areas} --days {days}")
            }
            Self::Grant { operator, device } => format!("operator grant {operator} {device}"),
            Self::RevokeOperator { operator } => format!("operator revoke {operator}"),
            Self::Count { meter, count, reason } => {
                format!("meter count {meter} --count {count} --reason {}", quoted(reason))
            }
            Self::SignBundle { file, device, area, days, out } => format!(
                "bundle sign {} --device {device}{} --days {days} --out {}",
                path(file),
                option("area", area.as_ref()),
                path(out)
            ),
            Self::NewRound { name, device, area, file, due, note, days } => {
                let of = match (file, area) {
                    (Some(file), _) => format!(" --meters {}", path(file)),
                    (None, Some(area)) => format!(" --area {}", quoted(area)),
                    (None, None) => " --all".to_owned(),
                };
                let note = Some(note).filter(|note| !note.is_empty());
                let (due, note) = (option("due", due.as_ref()), option("note", note));
                let name = quoted(name);
                format!("round new --device {device} --name {name}{of}{due}{note} --days {days}")
            }
            Self::WithdrawRound { round } => format!("round withdraw {round}"),
            Self::CloseMeter { meter, reason, paid, receipt } => {
                let receipt = Some(receipt).filter(|receipt| !receipt.is_empty());
                let (paid, receipt) = (option("paid", paid.map(Money)), option("receipt", receipt));
                format!("meter close {meter} --reason {}{paid}{receipt}", quoted(reason))
            }
            Self::CloseShift(Whose::Device(device)) => format!("shift close --device {device}"),
            Self::CloseShift(Whose::Operator(who)) => format!("shift close --operator {who}"),
            Self::Export { query, file } => {
                // A spreadsheet program of a Chinese Windows knows UTF-8 by the mark alone.
                let book = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("xlsx"));
                let mark = if book { "" } else { " --mark" };
                format!("{} --out {}{mark}", query.command(), path(file))
            }
        }
    }
}
