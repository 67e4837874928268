//! `connector connection …`: creates, shows, changes, activates and deletes connections.

use super::{order_view, rebuild};
use crate::api::{Answer, Call, failure_from_answer};
use crate::console::Console;
use crate::failure::Failure;
use crate::options::DryRun;
use crate::options::connection_options::{
    ActivateOptions, ConnectionCommand, ConnectionTarget, CreateOptions, SetOptions, YesNo,
};
use crate::session::Session;
use crate::table::{Table, format_amount, format_moment, plain_text, state_cell, text_cell};
use crate::{assignments, logins, paths};
use clap::builder::styling::AnsiColor;
use comfy_table::Cell;
use domain::ids::ConnectionId;
use serde_json::{Map, Value, json};

pub(super) async fn run_connection_command(
    session: &mut Session<'_>,
    command: ConnectionCommand,
) -> Result<(), Failure> {
    match command {
        ConnectionCommand::Create(options) => create_connection(session, &options).await,
        ConnectionCommand::List { how_many } => {
            let call = Call::get("/api/connections".to_owned());
            session.show_list(call, how_many, "connections", render_connection_list).await?;
            Ok(())
        }
        ConnectionCommand::Show { id } => {
            let answer = session.call_api(&Call::get(paths::connection_path(&id, ""))).await?;
            session.show_answer(&answer, render_connection)
        }
        ConnectionCommand::Set(options) => update_connection(session, &options).await,
        ConnectionCommand::Activate(options) => activate_connection(session, &options).await,
        ConnectionCommand::Deactivate(ConnectionTarget { id, dry }) => {
            let call = Call::post(paths::connection_path(&id, "deactivate"), json!({})).allow_repeat();
            let done = format!("Connection {id} is off. Nothing is called any more; its records are kept.");
            change_and_tell(session, dry, &call, done).await
        }
        ConnectionCommand::Suspend(ConnectionTarget { id, dry }) => {
            let call = Call::post(paths::connection_path(&id, "suspend"), json!({})).allow_repeat();
            let done = format!(
                "Connection {id} is suspended: nothing is booked until `connector connection rebuild {id}` is finished."
            );
            change_and_tell(session, dry, &call, done).await
        }
        ConnectionCommand::Delete { id, yes, dry } => delete_connection(session, &id, yes, dry).await,
        ConnectionCommand::Link(ConnectionTarget { id, dry }) => make_sign_in_link(session, &id, dry).await,
        ConnectionCommand::Rebuild(options) => rebuild::run_rebuild(session, &options).await,
    }
}

async fn change_and_tell(
    session: &mut Session<'_>,
    dry: DryRun,
    call: &Call,
    done: String,
) -> Result<(), Failure> {
    match session.send_change(dry, call).await? {
        Some(answer) => session.show_sentence(&answer, done),
        None => Ok(()),
    }
}

async fn create_connection(session: &mut Session<'_>, options: &CreateOptions) -> Result<(), Failure> {
    let id = ConnectionId::parse(options.id.as_str())
        .map_err(|_| Failure::wrong_usage("An id of a connection is 1 to 64 of a-z, 0-9 and -."))?;
    let assigned = assignments::parse_assignments(&options.settings)?;
    let mut body = Map::from_iter([("id".to_owned(), json!(id))]);
    let language = options.language.map(|language| language.tag.to_owned());
    if language.is_some() && assigned.language.is_some() {
        return Err(Failure::wrong_usage("language is there twice."));
    }
    if let Some(language) = language.or(assigned.language) {
        body.insert("language".to_owned(), json!(language));
    }
    if !assigned.settings.is_empty() {
        body.insert("settings".to_owned(), Value::Object(assigned.settings));
    }
    logins::add_credentials(&mut body, &options.credentials, session.environment, session.console)?;
    let call = Call::post("/api/connections".to_owned(), Value::Object(body));
    let Some(answer) = session.send_change(options.dry, &call).await? else {
        return Ok(());
    };
    let done = format!(
        "Connection {id} was created. `connector connection activate {id}` switches it on and says what is missing; or let the \
         merchant do it: `connector connection link {id}`."
    );
    session.show_sentence(&answer, done)
}

async fn update_connection(session: &mut Session<'_>, options: &SetOptions) -> Result<(), Failure> {
    let assigned = assignments::parse_assignments(&options.settings)?;
    let mut body = Map::new();
    if let Some(language) = assigned.language {
        body.insert("language".to_owned(), json!(language));
    }
    if !assigned.settings.is_empty() {
        body.insert("settings".to_owned(), Value::Object(assigned.settings));
    }
    logins::add_credentials(&mut body, &options.credentials, session.environment, session.console)?;
    if body.is_empty() {
        return Err(Failure::wrong_usage("Nothing to set.")
            .with_advice("Name a setting, like stock_location_id=4, or credentials."));
    }
    let call = Call::patch(paths::connection_path(&options.id, ""), Value::Object(body)).allow_repeat();
    match session.send_change(options.dry, &call).await? {
        Some(answer) => session.show_answer(&answer, render_connection),
        None => Ok(()),
    }
}

async fn activate_connection(session: &mut Session<'_>, options: &ActivateOptions) -> Result<(), Failure> {
    let id = &options.id;
    let mut body = Map::new();
    if let Some(go_live) = options.go_live {
        body.insert("go_live".to_owned(), json!(go_live));
    }
    if let Some(catch_up) = options.catch_up {
        body.insert("catch_up".to_owned(), json!(catch_up == YesNo::Yes));
    }
    let call = Call::post(paths::connection_path(id, "activate"), Value::Object(body));
    if options.dry.dry_run {
        return session.show_request(&call);
    }
    let answer = session.call_api_unchecked(&call).await?;
    if answer.status.is_success() {
        let start = format_moment(&answer.json["go_live"]);
        return session.show_sentence(
            &answer,
            format!("Connection {id} is active. Orders placed before {start} are left alone."),
        );
    }
    let code = answer.error_code().to_owned();
    let explained = match code.as_str() {
        "catch_up_needed" => Some(explain_catch_up(id, &answer)),
        "activation_failed" => Some(failure_from_answer(&answer).with_advice(format!(
            "Nothing was changed. `connector connection set {id} KEY=VALUE` mends it, then activate again."
        ))),
        "suspended" => Some(
            failure_from_answer(&answer)
                .with_advice(format!("`connector connection rebuild {id}` rebuilds it.")),
        ),
        _ => None,
    };
    match (session.check_answer(answer), explained) {
        (Err(_), Some(explained)) => Err(explained),
        (checked, _) => checked.map(drop),
    }
}

/// The failure of an activation after a break of more than 7 days: how many orders would be booked, and what to type to decide.
fn explain_catch_up(id: &str, answer: &Answer) -> Failure {
    let found = &answer.json["error"]["details"][0];
    let (orders, total) = (plain_text(&found["orders"]), format_amount(&found["total_cents"]));
    let least = if found["complete"] == false { "at least " } else { "" };
    Failure::refused_call(format!(
        "connection {id} was off for more than 7 days: {least}{orders} order(s) for {total} in all would be booked now. \
         Nothing was changed."
    ))
    .with_advice(format!(
        "Type `connector connection activate {id} --catch-up yes` to book them, or \
         `connector connection activate {id} --catch-up no` to leave them as handled."
    ))
}

async fn delete_connection(
    session: &mut Session<'_>,
    id: &str,
    yes: bool,
    dry: DryRun,
) -> Result<(), Failure> {
    let call = Call::delete(paths::connection_path(id, ""));
    if dry.dry_run {
        return session.show_request(&call);
    }
    if !yes {
        let question = format!(
            "The secrets and settings of {id} will be gone; what was booked stays known. Type {id} to delete it:"
        );
        if session.console.ask_line(&question)? != id {
            return Err(Failure::refused_call(format!("{id} was not typed: nothing was deleted.")));
        }
    }
    let answer = session.call_api_unchecked(&call).await?;
    let is_conflict = answer.status == reqwest::StatusCode::CONFLICT;
    match session.check_answer(answer) {
        // The answer is a 204 without a body, so there is no JSON to print.
        Ok(_) if session.wants_json() => Ok(()),
        Ok(_) => session.console.print_text(format!("Connection {id} was deleted.")),
        Err(failure) if is_conflict => Err(failure.with_advice(format!(
            "A connection is deleted while it is off: `connector connection deactivate {id}` first."
        ))),
        Err(failure) => Err(failure),
    }
}

async fn make_sign_in_link(session: &mut Session<'_>, id: &str, dry: DryRun) -> Result<(), Failure> {
    let call = Call::post(paths::connection_path(id, "sign-in-link"), json!({}));
    let Some(answer) = session.send_change(dry, &call).await? else {
        return Ok(());
    };
    session.show_answer(&answer, |_, link| plain_text(&link["url"]))?;
    if !session.wants_json() {
        let until = format_moment(&answer.json["expires_at"]);
        session.console.print_note(format!(
            "Whoever opens it signs in as the merchant, once, until {until}: hand it only to them."
        ));
    }
    Ok(())
}

fn render_connection_list(console: &Console, items: &[Value]) -> String {
    let mut table = Table::new(
        console,
        &["connection", "state", "company", "language", "go live", "last poll", "problems"],
    );
    for item in items {
        table.add_row(vec![
            text_cell(&item["id"]),
            state_cell(&item["state"]),
            text_cell(&item["productflow"]["company_id"]),
            text_cell(&item["language"]),
            Cell::new(format_moment(&item["go_live"])),
            Cell::new(format_moment(&item["last_poll_at"])),
            Cell::new(order_view::join_problem_codes(&item["problems"])),
        ]);
    }
    table.to_text(0)
}

/// One connection with its settings, problems and rebuild.
pub(super) fn render_connection(console: &Console, connection: &Value) -> String {
    let word = plain_text(&connection["state"]);
    let colour = match word.as_str() {
        "active" => AnsiColor::Green,
        "inactive" => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let configured = |peer: &str| {
        if connection[peer]["configured"] == true { "configured" } else { "not configured" }
    };
    let paused = |peer: &str| match &connection["paused"][peer] {
        Value::Null => String::new(),
        until => format!(", left alone until {}", format_moment(until)),
    };
    let company = match &connection["productflow"]["company_id"] {
        Value::Null => "no company".to_owned(),
        company => format!("company {}", plain_text(company)),
    };
    let suspended = &connection["suspended_at"];
    let known = [
        ("language", plain_text(&connection["language"])),
        ("Robaws", format!("{}{}", configured("robaws"), paused("robaws"))),
        ("ProductFlow", format!("{}, {company}{}", configured("productflow"), paused("productflow"))),
        ("go live", format_moment(&connection["go_live"])),
        ("activated", format_moment(&connection["activated_at"])),
        ("last poll", format_moment(&connection["last_poll_at"])),
        ("webhook", plain_text(&connection["webhook"])),
        ("quota left today", plain_text(&connection["quota_left"])),
    ];
    // Almost no connection is ever suspended, so the line is left out unless there is a moment to show.
    let suspended = suspended.as_str().map(|_| ("suspended", format_moment(suspended)));
    let mut parts = vec![format!(
        "{}  {}\n{}",
        console.render_heading(&plain_text(&connection["id"])),
        console.colour_text(&word, colour),
        render_fields(known.into_iter().chain(suspended))
    )];
    if let Value::Object(settings) = &connection["settings"] {
        let settings = settings.iter().map(|(name, value)| (name.as_str(), render_setting(value)));
        parts.push(format!("{}\n{}", console.render_heading("Settings"), render_fields(settings)));
    }
    let problems: Vec<String> = connection["problems"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|problem| format!("  {}", order_view::describe_problem(problem)))
        .collect();
    if !problems.is_empty() {
        parts.push(format!("{}\n{}", console.render_heading("Problems"), problems.join("\n")));
    }
    if connection["rebuild"].is_object() {
        parts.push(format!(
            "{}\n{}",
            console.render_heading("Rebuild"),
            rebuild::render_rebuild(&connection["rebuild"])
        ));
    }
    parts.join("\n\n")
}

/// The value of a setting, close to how it is typed.
fn render_setting(value: &Value) -> String {
    match value {
        Value::Object(lists) => {
            let lists: Vec<String> =
                lists.iter().map(|(name, words)| format!("{name}: {}", plain_text(words))).collect();
            lists.join("; ")
        }
        Value::Bool(flag) => flag.to_string(),
        other => plain_text(other),
    }
}

/// One line per name and value, the values aligned in one column.
pub(super) fn render_fields<'a>(rows: impl Iterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<String> = rows.map(|(name, value)| format!("  {name:<26}{value}")).collect();
    rows.join("\n")
}
