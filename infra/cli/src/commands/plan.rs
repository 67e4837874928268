//! `connector plan`: what the newest orders would do to Robaws.

use crate::api::Call;
use crate::console::Console;
use crate::failure::Failure;
use crate::options::PlanOptions;
use crate::session::Session;
use crate::table::{amount, moment, plain};
use crate::{commands::order_view, paths};
use serde_json::Value;

pub(super) async fn run(session: &mut Session<'_>, options: &PlanOptions) -> Result<(), Failure> {
    let call = Call::get(paths::connection(&options.id, "plan"))
        .with("limit", Some(options.limit))
        .with("go_live", options.go_live);
    let answer = session.call(&call).await?;
    session.show(&answer, view)?;
    if answer.json["truncated"] == true {
        session
            .console
            .note("There was no time for all of them; a smaller --limit has enough.");
    }
    Ok(())
}

fn view(console: &Console, plan: &Value) -> String {
    let orders = plan["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if orders.is_empty() {
        return "No orders.".to_owned();
    }
    let shown: Vec<String> = orders.iter().map(|order| one(console, order)).collect();
    shown.join("\n\n")
}

fn one(console: &Console, order: &Value) -> String {
    let mut text = format!(
        "{}  {}, placed {}, {}",
        console.heading(&plain(&order["identifier"])),
        plain(&order["status"]),
        moment(&order["placed_at"]),
        amount(&order["total_cents"]),
    );
    for effect in order["effects"].as_array().into_iter().flatten() {
        text.extend(["\n  would book: ", &order_view::effect(effect)]);
    }
    for problem in order["problems"].as_array().into_iter().flatten() {
        text.extend(["\n  problem: ", &order_view::problem(problem)]);
    }
    if let Some(why) = order["explanation"].as_str().filter(|why| !why.is_empty()) {
        text.extend(["\n  ", why]);
    }
    text
}
