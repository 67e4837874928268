//! `connector notifications`: what is wrong on a connection, and what to do about it.

use crate::api::Call;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::options::{NotificationsOptions, to_api_word};
use crate::paths;
use crate::session::Session;
use crate::table::{format_moment, plain_text};
use clap::builder::styling::AnsiColor;
use serde_json::Value;

pub(super) async fn show_notifications(
    session: &mut Session<'_>,
    options: &NotificationsOptions,
) -> Result<Exit, Failure> {
    let call = Call::get(paths::connection_path(&options.id, "notifications"))
        .with_query("state", Some(to_api_word(options.state)))
        .with_query("lang", options.lang.map(|language| language.tag.to_owned()));
    let found = session.show_list(call, options.how_many, "notifications", render_notifications).await?;
    if options.fail_if_any && found > 0 {
        return Ok(Exit::FoundSome);
    }
    Ok(Exit::Success)
}

fn render_notifications(console: &Console, items: &[Value]) -> String {
    let shown: Vec<String> = items.iter().map(|item| render_notification(console, item)).collect();
    shown.join("\n\n")
}

fn render_notification(console: &Console, item: &Value) -> String {
    let is_open = item["state"] == "open";
    let colour = if is_open { AnsiColor::Red } else { AnsiColor::Green };
    let state = console.colour_text(&plain_text(&item["state"]), colour);
    let title = console.render_heading(&plain_text(&item["title"]));
    let mut text =
        format!("{title} ({}, {state})\n  {}", plain_text(&item["code"]), plain_text(&item["message"]));
    for (label, value) in [("what to do", &item["fix"]), ("article", &item["article"])] {
        if !value.is_null() {
            text.extend(["\n  ", label, ": ", &plain_text(value)]);
        }
    }
    let orders = item["orders"].as_array().map_or(0, Vec::len);
    if orders > 0 {
        let all = item["orders_in_all"].as_u64().unwrap_or(0);
        let more = if all > orders as u64 { format!(" and others, {all} in all") } else { String::new() };
        text.extend(["\n  orders: ", &plain_text(&item["orders"]), &more]);
    }
    text.extend(["\n  since ", &format_moment(&item["opened_at"])]);
    if !is_open {
        text.extend([", solved ", &format_moment(&item["resolved_at"])]);
    }
    text
}
