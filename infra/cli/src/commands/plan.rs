//! `connector plan`: what the newest orders would do to Robaws.

use crate::api::Call;
use crate::console::Console;
use crate::failure::Failure;
use crate::options::PlanOptions;
use crate::session::Session;
use crate::table::{format_amount, format_moment, plain_text};
use crate::{commands::order_view, paths};
use serde_json::Value;

pub(super) async fn show_plan(session: &mut Session<'_>, options: &PlanOptions) -> Result<(), Failure> {
    let call = Call::get(paths::connection_path(&options.id, "plan"))
        .with_query("limit", Some(options.limit))
        .with_query("go_live", options.go_live);
    let answer = session.call_api(&call).await?;
    session.show_answer(&answer, render_plan)?;
    if answer.json["truncated"] == true {
        session.console.print_note("There was no time for all of them; a smaller --limit has enough.");
    }
    Ok(())
}

fn render_plan(console: &Console, plan: &Value) -> String {
    let orders = plan["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if orders.is_empty() {
        return "No orders.".to_owned();
    }
    let shown: Vec<String> = orders.iter().map(|order| render_planned_order(console, order)).collect();
    shown.join("\n\n")
}

fn render_planned_order(console: &Console, order: &Value) -> String {
    let mut text = format!(
        "{}  {}, placed {}, {}",
        console.render_heading(&plain_text(&order["identifier"])),
        plain_text(&order["status"]),
        format_moment(&order["placed_at"]),
        format_amount(&order["total_cents"]),
    );
    for effect in order["effects"].as_array().into_iter().flatten() {
        text.extend(["\n  would book: ", &order_view::describe_effect(effect)]);
    }
    for problem in order["problems"].as_array().into_iter().flatten() {
        text.extend(["\n  problem: ", &order_view::describe_problem(problem)]);
    }
    if let Some(why) = order["explanation"].as_str().filter(|why| !why.is_empty()) {
        text.extend(["\n  ", why]);
    }
    text
}
