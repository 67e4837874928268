//! How orders, their effects and their problems are printed for people.

use crate::console::Console;
use crate::table::{Table, format_amount, format_moment, number_cell, plain_text, state_cell, text_cell};
use clap::builder::styling::AnsiColor;
use comfy_table::Cell;
use serde_json::Value;

fn array_items<'a>(order: &'a Value, name: &str) -> &'a [Value] {
    order[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The codes of problems, separated by commas; equal neighbours are named once.
pub(super) fn join_problem_codes(problems: &Value) -> String {
    let mut codes: Vec<&str> =
        problems.as_array().into_iter().flatten().filter_map(|problem| problem["code"].as_str()).collect();
    codes.dedup();
    codes.join(", ")
}

pub(super) fn render_order_list(console: &Console, orders: &[Value]) -> String {
    let mut table =
        Table::new(console, &["order", "reference", "status", "state", "total", "placed", "problems"]);
    for order in orders {
        table.add_row(vec![
            text_cell(&order["identifier"]),
            text_cell(&order["reference"]),
            text_cell(&order["status"]),
            state_cell(&order["state"]),
            number_cell(format_amount(&order["total_cents"])),
            Cell::new(format_moment(&order["placed_at"])),
            Cell::new(join_problem_codes(&order["problems"])),
        ]);
    }
    table.to_text(0)
}

/// One order with its effects, problems, lines, choices and settlements.
pub(super) fn render_order(console: &Console, order: &Value) -> String {
    let word = plain_text(&order["state"]);
    let colour = match word.as_str() {
        "blocked" | "in_doubt" | "conflict" => AnsiColor::Red,
        "waiting" => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    };
    let mut parts = vec![format!(
        "{}  {}\n{}",
        console.render_heading(&plain_text(&order["identifier"])),
        console.colour_text(&word, colour),
        plain_text(&order["explanation"])
    )];
    let known = [
        ("reference", plain_text(&order["reference"])),
        ("marketplace", plain_text(&order["marketplace"])),
        ("status at ProductFlow", plain_text(&order["status"])),
        ("total", format_amount(&order["total_cents"])),
        ("placed", format_moment(&order["placed_at"])),
        ("looked at again", format_moment(&order["next_look_at"])),
        ("last change here", format_moment(&order["updated_at"])),
    ];
    let known: Vec<String> = known.iter().map(|(name, value)| format!("  {name:<24}{value}")).collect();
    parts.push(known.join("\n"));
    let sections = [
        ("Effects in Robaws", render_effects(console, array_items(order, "effects"))),
        ("Problems", render_problems(array_items(order, "problems"))),
        ("Lines", render_lines(console, order)),
        ("Choices", render_choices(array_items(order, "choices"))),
        ("Settled", render_settlements(array_items(order, "settlements"))),
    ];
    for (title, text) in sections {
        if !text.is_empty() {
            parts.push(format!("{}\n{text}", console.render_heading(title)));
        }
    }
    parts.join("\n\n")
}

fn render_effects(console: &Console, effects: &[Value]) -> String {
    if effects.is_empty() {
        return String::new();
    }
    let mut table = Table::new(console, &["what", "document", "state", "at"]);
    for shown in effects {
        let document = if shown["number"].is_string() { &shown["number"] } else { &shown["robaws_id"] };
        table.add_row(vec![
            Cell::new(describe_effect(shown)),
            text_cell(document),
            state_cell(&shown["state"]),
            Cell::new(format_moment(&shown["at"])),
        ]);
    }
    let mut text = table.to_text(2);
    for shown in effects {
        if let Some(reason) = shown["reason"].as_str() {
            text.extend(["\n  Robaws said: ", reason]);
        }
    }
    text
}

/// An effect in a few words, such as `stock out of location 3: 2 × A-1`.
pub(super) fn describe_effect(effect: &Value) -> String {
    match effect["kind"].as_str() {
        Some("stock_change") => {
            let pieces: Vec<String> = array_items(effect, "lines")
                .iter()
                .map(|line| {
                    let sku = if line["sku"].is_null() { &line["article_id"] } else { &line["sku"] };
                    format!("{} × {}", plain_text(&line["quantity"]), plain_text(sku))
                })
                .collect();
            let way = if effect["direction"] == "in" { "back into" } else { "out of" };
            format!(
                "stock {way} location {}: {}",
                plain_text(&effect["stock_location_id"]),
                pieces.join(", ")
            )
        }
        Some(kind) => {
            let kind = if kind == "credit_note" { "credit note" } else { kind };
            if effect["total_cents"].is_null() {
                return kind.to_owned();
            }
            let draft = if effect["booked"] == true { "" } else { ", draft" };
            format!("{kind} of {}{draft}", format_amount(&effect["total_cents"]))
        }
        None => plain_text(&effect["kind"]),
    }
}

/// A problem in one line: message, code and what to do about it.
pub(super) fn describe_problem(problem: &Value) -> String {
    let mut text = format!("{} ({})", plain_text(&problem["message"]), plain_text(&problem["code"]));
    if let Some(fix) = problem["fix"].as_str() {
        text.extend([" ", fix]);
    }
    text
}

fn render_problems(problems: &[Value]) -> String {
    let shown: Vec<String> = problems
        .iter()
        .map(|shown| {
            let mut text = format!("  {} ({})", plain_text(&shown["message"]), plain_text(&shown["code"]));
            if let Some(fix) = shown["fix"].as_str() {
                text.extend(["\n    ", fix]);
            }
            text.extend(["\n    since ", &format_moment(&shown["opened_at"])]);
            text
        })
        .collect();
    shown.join("\n")
}

fn render_lines(console: &Console, order: &Value) -> String {
    let lines = array_items(order, "lines");
    if lines.is_empty() {
        return String::new();
    }
    let mut table = Table::new(console, &["line", "sku", "pieces", "total", "vat code"]);
    for line in lines {
        table.add_row(vec![
            text_cell(&line["line"]),
            text_cell(&line["sku"]),
            number_cell(plain_text(&line["quantity"])),
            number_cell(format_amount(&line["total_cents"])),
            text_cell(&line["vat_code"]),
        ]);
    }
    table.to_text(2)
}

fn render_choices(choices: &[Value]) -> String {
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
                plain_text(&choice["line"]),
                what.join(", "),
                format_moment(&choice["at"])
            )
        })
        .collect();
    shown.join("\n")
}

fn render_settlements(settlements: &[Value]) -> String {
    let shown: Vec<String> = settlements
        .iter()
        .map(|done| {
            let mut text = format!(
                "  {} by the {}, {}",
                plain_text(&done["as"]),
                plain_text(&done["by"]),
                format_moment(&done["at"])
            );
            for (label, name) in [("document", "robaws_id"), ("invoice", "invoice"), ("stock", "stock")] {
                if let Some(value) = done[name].as_str() {
                    text.extend([", ", label, " ", value]);
                }
            }
            text
        })
        .collect();
    shown.join("\n")
}
