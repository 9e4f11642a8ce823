//! The rows of the desk's key table.

use super::{Action, Binding, Need, Place};
use crate::tui::keymap::Table;
use crate::tui::keymap::keys::*;

const NONE: &[Need] = &[];
const ROW: &[Need] = &[Need::Row];
const ANSWER: &[Need] = &[Need::Answer];
const METER: &[Need] = &[Need::Row, Need::AMeter];
const OUT: &[Need] = &[Need::Answer, Need::OutToken];
const OPEN: &[Need] = &[Need::Answer, Need::Open];
const IDLE: &[Need] = &[Need::Idle];
const CONFIRM: &[Need] = &[Need::Idle, Need::Answer, Need::Possible, Need::Proof];

/// Every key of every place.
pub const TABLE: Table<Place, Action, Need> = bindings! {
    Today {
        ENTER => Open, NONE;
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => GoLeave, NONE;
        F1 => Help, NONE;
        F2 => Issue, NONE;
        F3 => Language, NONE;
        F4 => Refresh, NONE;
    }
    Devices {
        ENTER => Open, ROW;
        DIGIT => Pick, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Lost, ROW;
        F3 => Grant, ROW;
        F4 => Export, ANSWER;
    }
    Device {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Lost, ANSWER;
        F3 => Grant, ANSWER;
        F4 => CloseShift, ANSWER;
    }
    Lost {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Fence, ANSWER;
        F4 => Export, ANSWER;
    }
    Reviews {
        ENTER => Open, ROW;
        DIGIT => Pick, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Settle, ROW;
        F3 => GoMeter, METER;
        F4 => Export, ANSWER;
    }
    Review {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Settle, OPEN;
        F3 => GoMeter, METER;
    }
    Meters {
        ENTER => Open, ROW;
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        RIGHT => Letter, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Issue, ROW;
        F3 => Clear, NONE;
        F4 => Export, ANSWER;
    }
    Meter {
        ENTER => CloseAccount, OPEN;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Issue, OPEN;
        F3 => Count, ANSWER;
        F4 => RevokeToken, OUT;
    }
    Doubt {
        ENTER => GoMeter, METER;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Settle, ROW;
        F3 => Reissue, ROW;
        F4 => Export, ANSWER;
    }
    Drafts {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => IssueDraft, ROW;
        F3 => DropDraft, ROW;
        F4 => NewDraft, NONE;
    }
    Operators {
        ENTER => Open, ROW;
        DIGIT => Pick, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => AddOperator, NONE;
        F3 => Grant, ROW;
        F4 => Export, ANSWER;
    }
    Operator {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Grant, ANSWER;
        F3 => CloseShift, ANSWER;
        F4 => RevokeOperator, ANSWER;
    }
    Bundles {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => SignBundle, NONE;
        F3 => GoRounds, NONE;
        F4 => Export, ANSWER;
    }
    Rounds {
        ENTER => Open, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => NewRound, NONE;
        F3 => WithdrawRound, ROW;
    }
    Round {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F3 => WithdrawRound, ANSWER;
        F4 => Export, ANSWER;
    }
    Sales {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Span, NONE;
        F4 => Export, ANSWER;
    }
    LostContact {
        ENTER => Open, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F4 => Export, ANSWER;
    }
    KeepPower {
        ENTER => Open, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F4 => Export, ANSWER;
    }
    Shift {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => CloseShift, NONE;
        F4 => Export, ANSWER;
    }
    Form {
        ENTER => Submit, NONE;
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        RIGHT => Letter, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F4 => Clear, NONE;
    }
    Check {
        ENTER => Confirm, CONFIRM;
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        RIGHT => Letter, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, IDLE;
        F1 => Help, NONE;
    }
    Outcome {
        ENTER => Back, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    Help {
        ENTER => Back, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Back, NONE;
    }
    Leave {
        ENTER => Leave, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
};
