//! `connector notifications`: what is wrong on a connection, and what to do about it.

use crate::api::Call;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::options::{NotificationsOptions, word};
use crate::paths;
use crate::session::Session;
use crate::table::{moment, plain};
use clap::builder::styling::AnsiColor;
use serde_json::Value;

pub(super) async fn run(session: &mut Session<'_>, options: &NotificationsOptions) -> Result<Exit, Failure> {
    let call = Call::get(paths::connection(&options.id, "notifications"))
        .with("state", Some(word(options.state)))
        .with("lang", options.lang.map(|language| language.tag.to_owned()));
    let found = session
        .list(call, options.how_many, "notifications", view)
        .await?;
    if options.fail_if_any && found > 0 {
        return Ok(Exit::Some);
    }
    Ok(Exit::Success)
}

fn view(console: &Console, items: &[Value]) -> String {
    let shown: Vec<String> = items.iter().map(|item| one(console, item)).collect();
    shown.join("\n\n")
}

fn one(console: &Console, item: &Value) -> String {
    let is_open = item["state"] == "open";
    let colour = if is_open { AnsiColor::Red } else { AnsiColor::Green };
    let state = console.coloured(&plain(&item["state"]), colour);
    let title = console.heading(&plain(&item["title"]));
    let mut text = format!(
        "{title} ({}, {state})\n  {}",
        plain(&item["code"]),
        plain(&item["message"])
    );
    for (label, value) in [("what to do", &item["fix"]), ("article", &item["article"])] {
        if !value.is_null() {
            text.extend(["\n  ", label, ": ", &plain(value)]);
        }
    }
    let orders = item["orders"].as_array().map_or(0, Vec::len);
    if orders > 0 {
        let all = item["orders_in_all"].as_u64().unwrap_or(0);
        let more = if all > orders as u64 {
            format!(" and others, {all} in all")
        } else {
            String::new()
        };
        text.extend(["\n  orders: ", &plain(&item["orders"]), &more]);
    }
    text.extend(["\n  since ", &moment(&item["opened_at"])]);
    if !is_open {
        text.extend([", solved ", &moment(&item["resolved_at"])]);
    }
    text
}
