//! Messages in words, for `explain`.

use super::acse::{Aare, Aarq};
use super::apdu::{Apdu, Got, Told};
use super::data::date_time;
use super::names;
use super::object::Attribute;
use super::reader::Fault;
use super::requests::{Ask, Block, Selection};
use crate::protocol::explained::{Datum, Fields, field};
use crate::protocol::value::hex;

/// What stands for a password.
const HIDDEN: &str = "***";

/// What a message that cannot be read is called.
pub fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Unread(name) => name,
        _ => "unknown",
    }
}

/// Adds a message's fields; says what it is in one phrase.
pub fn message(fields: &mut Fields, apdu: &Apdu, bytes: &[u8], secrets: bool) -> String {
    let mut push = |name: &str, value: Datum| fields.push(field(name, value));
    match apdu {
        Apdu::Aarq(aarq) => association_request(fields, aarq, secrets),
        Apdu::Aare(aare) => association_response(fields, aare),
        Apdu::Rlrq(reason) | Apdu::Rlre(reason) => {
            let name = if matches!(apdu, Apdu::Rlrq(_)) { "RLRQ" } else { "RLRE" };
            push("apdu", name.into());
            push("reason", (*reason).into());
            "release of the association".to_owned()
        }
        Apdu::Ask(ask) => request(fields, ask, secrets),
        Apdu::Told(told) => answer(fields, told),
        Apdu::Exception(state, service) => {
            push("apdu", "ExceptionResponse".into());
            push("state_error", (*state).into());
            push("service_error", (*service).into());
            format!("{}, {}", names::state_error(*state), names::service_error(*service))
        }
        Apdu::ServiceError([service, kind, value]) => {
            push("apdu", "ConfirmedServiceError".into());
            push("service", (*service).into());
            push("error_kind", (*kind).into());
            push("error_value", (*value).into());
            "confirmed service error".to_owned()
        }
        Apdu::Notification { invoke, at, value } => {
            push("apdu", "DataNotification".into());
            push("long_invoke_id", (*invoke & 0x00FF_FFFF).into());
            let shown = at.as_ref().map(|at| match at.as_slice().try_into() {
                Ok(wire) => date_time(&wire),
                Err(_) => hex(at),
            });
            push("date_time", shown.into());
            push_got(fields, value);
            "data pushed by the meter".to_owned()
        }
        Apdu::Other(name) => {
            push("apdu", (*name).into());
            push("payload", hex(bytes).into());
            format!("{name}, not read")
        }
    }
}

fn association_request(fields: &mut Fields, aarq: &Aarq, secrets: bool) -> String {
    let auth = names::mechanism(aarq.mechanism);
    fields.push(field("apdu", "AARQ"));
    fields.push(field("context", aarq.context.map(names::context)));
    fields.push(field("auth", auth));
    fields.push(field("has_calling_ap_title", aarq.calling_ap_title.is_some()));
    if let Some(title) = &aarq.calling_ap_title {
        fields.push(field("calling_ap_title", hex(title)));
    }
    if let Some(secret) = &aarq.secret {
        // A password is told to nobody; a challenge of high level security is none.
        let (name, open) =
            if aarq.mechanism < 2 { ("password", secrets) } else { ("challenge", true) };
        let shown = if open { hex(secret) } else { HIDDEN.to_owned() };
        fields.push(field(name, shown));
    }
    if let Some(initiate) = &aarq.initiate {
        fields.push(field("conformance", hex(&initiate.conformance)));
        fields.push(field("max_pdu", initiate.max_pdu));
    }
    format!("association request, authentication {auth}")
}

fn association_response(fields: &mut Fields, aare: &Aare) -> String {
    fields.push(field("apdu", "AARE"));
    fields.push(field("context", aare.context.map(names::context)));
    fields.push(field("result", aare.result));
    fields.push(field("diagnostic", aare.diagnostic.1));
    fields.push(field("diagnostic_name", aare.diagnostic_name()));
    if let Some(initiate) = &aare.initiate {
        fields.push(field("conformance", hex(&initiate.conformance)));
        fields.push(field("max_pdu", initiate.max_pdu));
    }
    if let Some(error) = &aare.error {
        fields.push(field("initiate_error", hex(error)));
    }
    let name = names::association_result(aare.result);
    format!("association {name}, {}", aare.diagnostic_name())
}

fn push_invoke(fields: &mut Fields, invoke: u8) {
    fields.push(field("invoke_id", invoke & 0x0F));
}

fn push_object(fields: &mut Fields, at: &Attribute, last: &str) {
    fields.push(field("class", at.class));
    fields.push(field("obis", at.obis.to_string()));
    fields.push(field(last, i64::from(at.index)));
}

fn push_selection(fields: &mut Fields, selection: Option<&Selection>) {
    if let Some(Selection { selector, parameters }) = selection {
        fields.push(field("selector", *selector));
        fields.push(field("parameters", parameters.datum()));
    }
}

fn push_block(fields: &mut Fields, block: &Block, open: bool) {
    fields.push(field("last_block", block.last));
    fields.push(field("block", block.number));
    fields.push(field("raw_data", if open { hex(&block.raw) } else { HIDDEN.to_owned() }));
}

/// Whether a request may carry a password or key: of an association, or of security setup.
fn may_hold_secret(at: &Attribute) -> bool {
    matches!((at.class, at.index), (15, 2 | 7) | (64, _))
}

fn request(fields: &mut Fields, ask: &Ask, secrets: bool) -> String {
    fields.push(field("apdu", ask.name()));
    match ask {
        Ask::Get { invoke, at, selection } => {
            push_invoke(fields, *invoke);
            push_object(fields, at, "attr");
            push_selection(fields, selection.as_ref());
            format!("read {at}")
        }
        Ask::GetNext { invoke, block } => {
            push_invoke(fields, *invoke);
            fields.push(field("block", *block));
            format!("the block after {block}")
        }
        Ask::GetList { invoke, at } => {
            push_invoke(fields, *invoke);
            let list = at.iter().map(|(at, selection)| {
                let mut one = Vec::new();
                push_object(&mut one, at, "attr");
                push_selection(&mut one, selection.as_ref());
                Datum::Map(one)
            });
            fields.push(field("list", Datum::List(list.collect())));
            format!("read {} attributes", at.len())
        }
        Ask::Set { invoke, at, selection, data } => {
            push_invoke(fields, *invoke);
            push_object(fields, at, "attr");
            push_selection(fields, selection.as_ref());
            let open = secrets || !may_hold_secret(at);
            fields.push(field("data", if open { data.datum() } else { HIDDEN.into() }));
            format!("write {at}")
        }
        Ask::SetFirst { invoke, at, selection, block } => {
            push_invoke(fields, *invoke);
            push_object(fields, at, "attr");
            push_selection(fields, selection.as_ref());
            push_block(fields, block, secrets || !may_hold_secret(at));
            format!("write {at}, block {}", block.number)
        }
        Ask::SetNext { invoke, block } => {
            push_invoke(fields, *invoke);
            push_block(fields, block, true);
            format!("write, block {}", block.number)
        }
        Ask::Action { invoke, at, data } => {
            push_invoke(fields, *invoke);
            push_object(fields, at, "method");
            if let Some(data) = data {
                let open = secrets || !may_hold_secret(at);
                fields.push(field("data", if open { data.datum() } else { HIDDEN.into() }));
            }
            format!("run {at}")
        }
    }
}

/// A value's field, or the refusal's; says which.
fn push_got(fields: &mut Fields, got: &Got) -> String {
    match got {
        Got::Data(data) => {
            fields.push(field("data", data.datum()));
            data.type_name().to_owned()
        }
        Got::Refused(code) => {
            let name = names::data_access(*code);
            fields.push(field("data_access_result", *code));
            fields.push(field("result_name", name));
            format!("refused: {name}")
        }
        Got::Opaque(why, bytes) => {
            fields.push(field("data", hex(bytes)));
            fields.push(field("not_read", *why));
            format!("not read: {why}")
        }
    }
}

fn answer(fields: &mut Fields, told: &Told) -> String {
    fields.push(field("apdu", told.name()));
    push_invoke(fields, told.invoke());
    let access = |fields: &mut Fields, result: u8, name: &'static str| {
        fields.push(field("result", result));
        fields.push(field("result_name", name));
    };
    match told {
        Told::Get { result, .. } => push_got(fields, result),
        Told::GetBlock { last, number, raw, .. } => {
            fields.push(field("last_block", *last));
            fields.push(field("block", *number));
            match raw {
                Ok(raw) => fields.push(field("raw_data", hex(raw))),
                Err(code) => {
                    fields.push(field("data_access_result", *code));
                    fields.push(field("result_name", names::data_access(*code)));
                }
            }
            format!("block {number}{}", if *last { ", the last" } else { "" })
        }
        Told::GetList { results, .. } => {
            let list = results.iter().map(|got| {
                let mut one = Vec::new();
                push_got(&mut one, got);
                Datum::Map(one)
            });
            fields.push(field("list", Datum::List(list.collect())));
            format!("{} values", results.len())
        }
        Told::Set { result, .. } => {
            access(fields, *result, names::data_access(*result));
            format!("write: {}", names::data_access(*result))
        }
        Told::SetBlock { number, .. } => {
            fields.push(field("block", *number));
            format!("block {number} taken")
        }
        Told::SetLast { result, number, .. } => {
            access(fields, *result, names::data_access(*result));
            fields.push(field("block", *number));
            format!("write: {}", names::data_access(*result))
        }
        Told::Action { result, value, .. } => {
            access(fields, *result, names::action(*result));
            if let Some(value) = value {
                push_got(fields, value);
            }
            format!("method: {}", names::action(*result))
        }
    }
}
