//! What the commands about swaps print.

use super::{Shown, money, shown};
use crate::office::model::unit_name;
use crate::office::{SwapInfo, SwapIssued};
use serde_json::{Value, json};
use std::fmt::Write;

pub(in crate::office::command) fn swap_issued(issued: &SwapIssued) -> Shown {
    let facts = &issued.facts;
    let code = meterkit_tokens::RechargeToken::qr_text(&issued.bytes);
    let json = json!({
        "swap": facts.id.to_string(),
        "old_meter": facts.old.to_string(),
        "old_account": facts.old_account.to_string(),
        "new_meter": facts.meter.to_string(),
        "account": facts.account.to_string(),
        "count_before": facts.count.0,
        "unit": unit_name(facts.unit),
        "most": money(facts.most),
        "provisional": money(facts.provisional),
        "arrears": money(facts.arrears),
        "device": issued.device.as_str(),
        "expires": facts.expires.0,
        "code": code,
        "near_limit": issued.near_limit,
    });
    let near = if issued.near_limit { "The handheld is near its limit.\n" } else { "" };
    let unit = facts.unit.symbol();
    let text = format!(
        "swap {}\nmeter {} (account {}) out, meter {} (account {}) in at count {}, to {}\n\
         at most {} {unit} over, {} {unit} if the old meter is dead, {} {unit} of debt\n\
         {code}\n{near}",
        facts.id,
        facts.old,
        facts.old_account,
        facts.meter,
        facts.account,
        facts.count,
        issued.device,
        money(facts.most),
        money(facts.provisional),
        money(facts.arrears),
    );
    shown(json, text)
}

pub(in crate::office::command) fn swaps(swaps: &[SwapInfo]) -> Shown {
    let rows: Vec<Value> = swaps.iter().map(object).collect();
    let mut text = String::new();
    for swap in swaps {
        let facts = &swap.facts;
        let _ = writeln!(
            text,
            "{:<10}swap {}\n    meter {} out, meter {} in, with {}{}",
            swap.state.name(),
            facts.id,
            facts.old,
            facts.meter,
            swap.device,
            if swap.bound { ", on the list" } else { "" },
        );
        for leg in &swap.legs {
            let (name, state, amount) = (leg.leg.name(), leg.state.name(), money(leg.amount));
            let _ = writeln!(text, "    {name:<12}{amount:>12} {state:<10} token {}", leg.token);
        }
        let (transit, variance) = (money(swap.in_transit), money(swap.variance));
        let arrears = money(swap.arrears);
        let _ = writeln!(text, "    in transit {transit}, variance {variance}, debt {arrears}");
    }
    if swaps.is_empty() {
        text.push_str("no swaps\n");
    }
    shown(json!({ "swaps": rows }), text)
}

fn object(swap: &SwapInfo) -> Value {
    let facts = &swap.facts;
    let legs = swap.legs.iter().map(|leg| {
        json!({
            "leg": leg.leg.name(),
            "token": leg.token.to_string(),
            "state": leg.state.name(),
            "amount": money(leg.amount),
        })
    });
    json!({
        "swap": facts.id.to_string(),
        "state": swap.state.name(),
        "old_meter": facts.old.to_string(),
        "old_account": facts.old_account.to_string(),
        "new_meter": facts.meter.to_string(),
        "account": facts.account.to_string(),
        "unit": unit_name(facts.unit),
        "device": swap.device.as_str(),
        "expires": facts.expires.0,
        "bound": swap.bound,
        "legs": legs.collect::<Vec<_>>(),
        "in_transit": money(swap.in_transit),
        "variance": money(swap.variance),
        "arrears": money(swap.arrears),
    })
}
