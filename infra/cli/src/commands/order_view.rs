//! How orders, their effects and their problems are printed for people.

use crate::console::Console;
use crate::table::{Table, amount, cell, moment, number, plain, state};
use clap::builder::styling::AnsiColor;
use comfy_table::Cell;
use serde_json::Value;

fn items<'a>(order: &'a Value, name: &str) -> &'a [Value] {
    order[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The codes of problems, separated by commas; equal neighbours are named once.
pub(super) fn codes(problems: &Value) -> String {
    let mut codes: Vec<&str> = problems
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|problem| problem["code"].as_str())
        .collect();
    codes.dedup();
    codes.join(", ")
}

pub(super) fn list(console: &Console, orders: &[Value]) -> String {
    let mut table = Table::new(
        console,
        &[
            "order",
            "reference",
            "status",
            "state",
            "total",
            "placed",
            "problems",
        ],
    );
    for order in orders {
        table.row(vec![
            cell(&order["identifier"]),
            cell(&order["reference"]),
            cell(&order["status"]),
            state(&order["state"]),
            number(amount(&order["total_cents"])),
            Cell::new(moment(&order["placed_at"])),
            Cell::new(codes(&order["problems"])),
        ]);
    }
    table.text(0)
}

/// One order with its effects, problems, lines, choices and settlements.
pub(super) fn one(console: &Console, order: &Value) -> String {
    let word = plain(&order["state"]);
    let colour = match word.as_str() {
        "blocked" | "in_doubt" | "conflict" => AnsiColor::Red,
        "waiting" => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    };
    let mut parts = vec![format!(
        "{}  {}\n{}",
        console.heading(&plain(&order["identifier"])),
        console.coloured(&word, colour),
        plain(&order["explanation"])
    )];
    let known = [
        ("reference", plain(&order["reference"])),
        ("marketplace", plain(&order["marketplace"])),
        ("status at ProductFlow", plain(&order["status"])),
        ("total", amount(&order["total_cents"])),
        ("placed", moment(&order["placed_at"])),
        ("looked at again", moment(&order["next_look_at"])),
        ("last change here", moment(&order["updated_at"])),
    ];
    let known: Vec<String> = known
        .iter()
        .map(|(name, value)| format!("  {name:<24}{value}"))
        .collect();
    parts.push(known.join("\n"));
    let sections = [
        ("Effects in Robaws", effects(console, items(order, "effects"))),
        ("Problems", problems(items(order, "problems"))),
        ("Lines", lines(console, order)),
        ("Choices", choices(items(order, "choices"))),
        ("Settled", settlements(items(order, "settlements"))),
    ];
    for (title, text) in sections {
        if !text.is_empty() {
            parts.push(format!("{}\n{text}", console.heading(title)));
        }
    }
    parts.join("\n\n")
}

fn effects(console: &Console, effects: &[Value]) -> String {
    if effects.is_empty() {
        return String::new();
    }
    let mut table = Table::new(console, &["what", "document", "state", "at"]);
    for shown in effects {
        let document = if shown["number"].is_string() {
            &shown["number"]
        } else {
            &shown["robaws_id"]
        };
        table.row(vec![
            Cell::new(effect(shown)),
            cell(document),
            state(&shown["state"]),
            Cell::new(moment(&shown["at"])),
        ]);
    }
    let mut text = table.text(2);
    for shown in effects {
        if let Some(reason) = shown["reason"].as_str() {
            text.extend(["\n  Robaws said: ", reason]);
        }
    }
    text
}

/// An effect in a few words, such as `stock out of location 3: 2 × A-1`.
pub(super) fn effect(effect: &Value) -> String {
    match effect["kind"].as_str() {
        Some("stock_change") => {
            let pieces: Vec<String> = items(effect, "lines")
                .iter()
                .map(|line| {
                    let sku = if line["sku"].is_null() {
                        &line["article_id"]
                    } else {
                        &line["sku"]
                    };
                    format!("{} × {}", plain(&line["quantity"]), plain(sku))
                })
                .collect();
            let way = if effect["direction"] == "in" {
                "back into"
            } else {
                "out of"
            };
            format!(
                "stock {way} location {}: {}",
                plain(&effect["stock_location_id"]),
                pieces.join(", ")
            )
        }
        Some(kind) => {
            let kind = if kind == "credit_note" {
                "credit note"
            } else {
                kind
            };
            if effect["total_cents"].is_null() {
                return kind.to_owned();
            }
            let draft = if effect["booked"] == true { "" } else { ", draft" };
            format!("{kind} of {}{draft}", amount(&effect["total_cents"]))
        }
        None => plain(&effect["kind"]),
    }
}

/// A problem in one line: message, code and what to do about it.
pub(super) fn problem(problem: &Value) -> String {
    let mut text = format!("{} ({})", plain(&problem["message"]), plain(&problem["code"]));
    if let Some(fix) = problem["fix"].as_str() {
        text.extend([" ", fix]);
    }
    text
}

fn problems(problems: &[Value]) -> String {
    let shown: Vec<String> = problems
        .iter()
        .map(|shown| {
            let mut text = format!("  {} ({})", plain(&shown["message"]), plain(&shown["code"]));
            if let Some(fix) = shown["fix"].as_str() {
                text.extend(["\n    ", fix]);
            }
            text.extend(["\n    since ", &moment(&shown["opened_at"])]);
            text
        })
        .collect();
    shown.join("\n")
}

fn lines(console: &Console, order: &Value) -> String {
    let lines = items(order, "lines");
    if lines.is_empty() {
        return String::new();
    }
    let mut table = Table::new(console, &["line", "sku", "pieces", "total", "vat code"]);
    for line in lines {
        table.row(vec![
            cell(&line["line"]),
            cell(&line["sku"]),
            number(plain(&line["quantity"])),
            number(amount(&line["total_cents"])),
            cell(&line["vat_code"]),
        ]);
    }
    table.text(2)
}

fn choices(choices: &[Value]) -> String {
    let shown: Vec<String> = choices
        .iter()
        .map(|choice| {
            let mut what = Vec::new();
            if let Some(tariff) = choice["vat_tariff_id"].as_str() {
                what.push(format!("tariff {tariff}"));
            }
            match choice.get("article_id") {
                Some(Value::String(article)) => what.push(format!("article {article}")),
                Some(_) => what.push("no article".to_owned()),
                None => {}
            }
            format!(
                "  line {}: {}, chosen {}",
                plain(&choice["line"]),
                what.join(", "),
                moment(&choice["at"])
            )
        })
        .collect();
    shown.join("\n")
}

fn settlements(settlements: &[Value]) -> String {
    let shown: Vec<String> = settlements
        .iter()
        .map(|done| {
            let mut text = format!(
                "  {} by the {}, {}",
                plain(&done["as"]),
                plain(&done["by"]),
                moment(&done["at"])
            );
            for (label, name) in [
                ("document", "robaws_id"),
                ("invoice", "invoice"),
                ("stock", "stock"),
            ] {
                if let Some(value) = done[name].as_str() {
                    text.extend([", ", label, " ", value]);
                }
            }
            text
        })
        .collect();
    shown.join("\n")
}
