//! The rows of the key table.

use super::keys::*;
use super::{Action, Binding, Need, Place};

const LINE: &[Need] = &[Need::Port, Need::LineFree];
const ROW_LINE: &[Need] = &[Need::Row, Need::Port, Need::LineFree];
const RECHARGE: &[Need] =
    &[Need::NoOpenIntent, Need::ReadyToken, Need::Money, Need::Port, Need::LineFree];
const RESOLVE: &[Need] = &[Need::OpenIntent, Need::Readable, Need::Port, Need::LineFree];
const SYNC: &[Need] = &[Need::SyncFree];
const WORK: &[Need] = &[Need::LineFree];
const DRAWING: &[Need] = &[Need::Drawing];
const CERTIFICATE: &[Need] = &[Need::Certificate];
const ROW: &[Need] = &[Need::Row];
const LOG_IN: &[Need] = &[Need::Answered, Need::NotLockedOut, Need::NoWait];
const FREE_LINE: &[Need] = &[Need::LineFree, Need::SyncFree];
const ANSWERED: &[Need] = &[Need::Answered];
const ACTIVATE: &[Need] = &[Need::Row, Need::NoPin];
const FREE: &[Need] = &[Need::Supervisor, Need::Row, Need::Locked];
const REMOVE: &[Need] = &[Need::Supervisor, Need::Row, Need::HasPin];
const DEMO: &[Need] = &[Need::Demo];
const NONE: &[Need] = &[];

/// Every key of every place.
pub const TABLE: &[Binding] = bindings! {
    LogIn {
        ENTER => Submit, LOG_IN;
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        RIGHT => Letter, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Leave, NONE;
        F1 => Help, NONE;
        F2 => Recover, NONE;
        F3 => Language, NONE;
        F4 => Clear, NONE;
    }
    Home {
        ENTER => Open, NONE;
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Leave, NONE;
        F1 => Help, NONE;
        F2 => GoSync, NONE;
        F3 => Language, NONE;
        F4 => GoLogOut, NONE;
    }
    Meters {
        ENTER => Open, ROW;
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Read, ROW_LINE;
        F3 => Clear, NONE;
        F4 => ReadTyped, &[Need::MeterNumber, Need::Port, Need::LineFree];
        RIGHT => GoBoxes, NONE;
    }
    Boxes {
        ENTER => Open, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    BoxUsers {
        ENTER => Open, ROW;
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Read, ROW_LINE;
    }
    Card {
        ENTER => Read, LINE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Read, LINE;
        F3 => Recharge, RECHARGE;
        F4 => Resolve, RESOLVE;
    }
    Choose {
        ENTER => Choose, RECHARGE;
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    Reading {
        ESC => Stop, NONE;
        F1 => Help, NONE;
    }
    Evidence {
        ENTER => ThisMeter, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Read, LINE;
    }
    Digits {
        ENTER => Commit, &[Need::FourDigits];
        DIGIT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F3 => Clear, NONE;
    }
    Running {
        ESC => Stop, NONE;
        F1 => Help, NONE;
    }
    Outcome {
        ENTER => Done, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Done, NONE;
        F1 => Help, NONE;
        F2 => Resolve, RESOLVE;
        F3 => GoSync, NONE;
    }
    WhatHappened {
        ENTER => Resolve, RESOLVE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Resolve, RESOLVE;
        F3 => GoSync, NONE;
        F4 => Meter, ROW;
    }
    Tokens {
        ENTER => UseToken, RECHARGE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => GoImport, NONE;
        F3 => Meter, ROW;
        F4 => GoSync, NONE;
    }
    Import {
        ENTER => Import, &[Need::Typed];
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F3 => Clear, NONE;
    }
    Journal {
        ENTER => Meter, ROW;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Verify, NONE;
        F3 => Newest, NONE;
    }
    Sync {
        ENTER => Sync, SYNC;
        DIGIT => Carry, SYNC;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Sync, SYNC;
        F3 => Refresh, NONE;
        F4 => Network, DEMO;
    }
    Ports {
        ENTER => UsePort, &[Need::Row, Need::Allowed];
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Refresh, NONE;
        F3 => GoSurvey, &[Need::Port];
    }
    Survey {
        ENTER => Survey, LINE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Survey, LINE;
        F3 => Save, &[Need::Result];
        F4 => Thorough, NONE;
    }
    Surveying {
        ESC => Stop, NONE;
        F1 => Help, NONE;
    }
    Frames {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Pause, NONE;
        F3 => Clear, NONE;
        F4 => Newest, NONE;
    }
    Trust {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => GoSync, NONE;
        F3 => GoPeople, NONE;
    }
    Settings {
        ENTER => Change, NONE;
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    People {
        ENTER => Activate, ACTIVATE;
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => ChangePin, NONE;
        F3 => Free, FREE;
        F4 => Remove, REMOVE;
    }
    Pin {
        ENTER => Submit, ANSWERED;
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        RIGHT => Letter, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F3 => Language, NONE;
        F4 => Clear, NONE;
    }
    Supervise {
        ENTER => Confirm, ANSWERED;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    LogOut {
        ENTER => LogOut, FREE_LINE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    Summary {
        ENTER => Done, NONE;
        ESC => Done, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        F1 => Help, NONE;
        F3 => Language, NONE;
    }
    Works {
        ENTER => Open, NONE;
        DIGIT => Pick, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    WorkForm {
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
    WorkSheet {
        ENTER => GoOn, WORK;
        TEXT => Type, NONE;
        LEFT => Erase, NONE;
        BACKSPACE => Erase, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Password, NONE;
        F3 => Draw, DRAWING;
        F4 => Clear, NONE;
    }
    WorkRunning {
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Stop, NONE;
        F1 => Help, NONE;
    }
    WorkDone {
        ENTER => Done, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
        F2 => Certificate, CERTIFICATE;
        F3 => Draw, DRAWING;
    }
    Certificate {
        ENTER => Back, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        PAGE_UP => PageUp, NONE;
        PAGE_DOWN => PageDown, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    Wiring {
        ENTER => Back, NONE;
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
    }
    Sheet {
        ENTER => Back, NONE;
        UP => Up, NONE;
        DOWN => Down, NONE;
        ESC => Back, NONE;
        F1 => Help, NONE;
    }
    Leave {
        ENTER => Leave, NONE;
        ESC => Stay, NONE;
        F1 => Help, NONE;
    }
};
