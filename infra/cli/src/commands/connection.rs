//! `connector connection …`: creates, shows, changes, activates and deletes connections.

use super::{order_view, rebuild};
use crate::api::{Answer, Call, failure_of};
use crate::console::Console;
use crate::failure::Failure;
use crate::options::connection::{Activate, ConnectionCommand, Create, Set, Simple, YesNo};
use crate::options::{DryRun, word};
use crate::session::Session;
use crate::table::{Table, amount, cell, moment, plain, state};
use crate::{assignments, logins, paths};
use clap::builder::styling::AnsiColor;
use comfy_table::Cell;
use domain::ids::ConnectionId;
use serde_json::{Map, Value, json};

pub(super) async fn run(session: &mut Session<'_>, command: ConnectionCommand) -> Result<(), Failure> {
    match command {
        ConnectionCommand::Create(options) => create(session, &options).await,
        ConnectionCommand::List { how_many } => {
            let call = Call::get("/api/connections".to_owned());
            session.list(call, how_many, "connections", list_view).await?;
            Ok(())
        }
        ConnectionCommand::Show { id } => {
            let answer = session.call(&Call::get(paths::connection(&id, ""))).await?;
            session.show(&answer, view)
        }
        ConnectionCommand::Set(options) => set(session, &options).await,
        ConnectionCommand::Activate(options) => activate(session, &options).await,
        ConnectionCommand::Deactivate(Simple { id, dry }) => {
            let call = Call::post(paths::connection(&id, "deactivate"), json!({})).repeatable();
            let done = format!("Connection {id} is off. Nothing is called any more; its records are kept.");
            change(session, dry, &call, done).await
        }
        ConnectionCommand::Suspend(Simple { id, dry }) => {
            let call = Call::post(paths::connection(&id, "suspend"), json!({})).repeatable();
            let done = format!(
                "Connection {id} is suspended: nothing is booked until `connector connection rebuild {id}` is finished."
            );
            change(session, dry, &call, done).await
        }
        ConnectionCommand::Delete { id, yes, dry } => delete(session, &id, yes, dry).await,
        ConnectionCommand::Link(Simple { id, dry }) => link(session, &id, dry).await,
        ConnectionCommand::Rebuild(options) => rebuild::run(session, &options).await,
    }
}

async fn change(session: &mut Session<'_>, dry: DryRun, call: &Call, done: String) -> Result<(), Failure> {
    match session.change(dry, call).await? {
        Some(answer) => session.tell(&answer, done),
        None => Ok(()),
    }
}

async fn create(session: &mut Session<'_>, options: &Create) -> Result<(), Failure> {
    let id = ConnectionId::parse(options.id.as_str())
        .map_err(|_| Failure::usage("An id of a connection is 1 to 64 of a-z, 0-9 and -."))?;
    let assigned = assignments::read(&options.settings)?;
    let mut body = Map::from_iter([("id".to_owned(), json!(id))]);
    let language = options.language.map(|language| language.tag.to_owned());
    if language.is_some() && assigned.language.is_some() {
        return Err(Failure::usage("language is there twice."));
    }
    if let Some(language) = language.or(assigned.language) {
        body.insert("language".to_owned(), json!(language));
    }
    if !assigned.settings.is_empty() {
        body.insert("settings".to_owned(), Value::Object(assigned.settings));
    }
    logins::add(
        &mut body,
        &options.credentials,
        session.environment,
        session.console,
    )?;
    let call = Call::post("/api/connections".to_owned(), Value::Object(body));
    let Some(answer) = session.change(options.dry, &call).await? else {
        return Ok(());
    };
    let done = format!(
        "Connection {id} was created. `connector connection activate {id}` switches it on and says what is missing; or let the \
         merchant do it: `connector connection link {id}`."
    );
    session.tell(&answer, done)
}

async fn set(session: &mut Session<'_>, options: &Set) -> Result<(), Failure> {
    let assigned = assignments::read(&options.settings)?;
    let mut body = Map::new();
    if let Some(language) = assigned.language {
        body.insert("language".to_owned(), json!(language));
    }
    if !assigned.settings.is_empty() {
        body.insert("settings".to_owned(), Value::Object(assigned.settings));
    }
    logins::add(
        &mut body,
        &options.credentials,
        session.environment,
        session.console,
    )?;
    if body.is_empty() {
        return Err(Failure::usage("Nothing to set.")
            .advise("Name a setting, like stock_location_id=4, or credentials."));
    }
    let call = Call::patch(paths::connection(&options.id, ""), Value::Object(body)).repeatable();
    match session.change(options.dry, &call).await? {
        Some(answer) => session.show(&answer, view),
        None => Ok(()),
    }
}

async fn activate(session: &mut Session<'_>, options: &Activate) -> Result<(), Failure> {
    let id = &options.id;
    let mut body = Map::new();
    if let Some(go_live) = options.go_live {
        body.insert("go_live".to_owned(), json!(go_live));
    }
    if let Some(catch_up) = options.catch_up {
        body.insert("catch_up".to_owned(), json!(catch_up == YesNo::Yes));
    }
    let call = Call::post(paths::connection(id, "activate"), Value::Object(body));
    if options.dry.dry_run {
        return session.show_request(&call);
    }
    let answer = session.answer(&call).await?;
    if answer.status.is_success() {
        let start = moment(&answer.json["go_live"]);
        return session.tell(
            &answer,
            format!("Connection {id} is active. Orders placed before {start} are left alone."),
        );
    }
    let code = answer.code().to_owned();
    let explained = match code.as_str() {
        "catch_up_needed" => Some(catch_up(id, &answer)),
        "activation_failed" => Some(failure_of(&answer).advise(format!(
            "Nothing was changed. `connector connection set {id} KEY=VALUE` mends it, then activate again."
        ))),
        "suspended" => {
            Some(failure_of(&answer).advise(format!("`connector connection rebuild {id}` rebuilds it.")))
        }
        _ => None,
    };
    match (session.checked(answer), explained) {
        (Err(_), Some(explained)) => Err(explained),
        (checked, _) => checked.map(drop),
    }
}

/// The failure of an activation after a break of more than 7 days: how many orders would be booked, and what to type to decide.
fn catch_up(id: &str, answer: &Answer) -> Failure {
    let found = &answer.json["error"]["details"][0];
    let (orders, total) = (plain(&found["orders"]), amount(&found["total_cents"]));
    let least = if found["complete"] == false {
        "at least "
    } else {
        ""
    };
    Failure::refused(format!(
        "connection {id} was off for more than 7 days: {least}{orders} order(s) for {total} in all would be booked now. \
         Nothing was changed."
    ))
    .advise(format!(
        "Type `connector connection activate {id} --catch-up yes` to book them, or \
         `connector connection activate {id} --catch-up no` to leave them as handled."
    ))
}

async fn delete(session: &mut Session<'_>, id: &str, yes: bool, dry: DryRun) -> Result<(), Failure> {
    let call = Call::delete(paths::connection(id, ""));
    if dry.dry_run {
        return session.show_request(&call);
    }
    if !yes {
        let question = format!(
            "The secrets and settings of {id} will be gone; what was booked stays known. Type {id} to delete it:"
        );
        if session.console.ask(&question)? != id {
            return Err(Failure::refused(format!(
                "{id} was not typed: nothing was deleted."
            )));
        }
    }
    let answer = session.answer(&call).await?;
    let is_conflict = answer.status == reqwest::StatusCode::CONFLICT;
    match session.checked(answer) {
        // The answer is a 204 without a body, so there is no JSON to print.
        Ok(_) if session.wants_json() => Ok(()),
        Ok(_) => session.console.print(format!("Connection {id} was deleted.")),
        Err(failure) if is_conflict => Err(failure.advise(format!(
            "A connection is deleted while it is off: `connector connection deactivate {id}` first."
        ))),
        Err(failure) => Err(failure),
    }
}

async fn link(session: &mut Session<'_>, id: &str, dry: DryRun) -> Result<(), Failure> {
    let call = Call::post(paths::connection(id, "sign-in-link"), json!({}));
    let Some(answer) = session.change(dry, &call).await? else {
        return Ok(());
    };
    session.show(&answer, |_, link| plain(&link["url"]))?;
    if !session.wants_json() {
        let until = moment(&answer.json["expires_at"]);
        session.console.note(format!(
            "Whoever opens it signs in as the merchant, once, until {until}: hand it only to them."
        ));
    }
    Ok(())
}

fn list_view(console: &Console, items: &[Value]) -> String {
    let mut table = Table::new(
        console,
        &[
            "connection",
            "state",
            "company",
            "language",
            "go live",
            "last poll",
            "problems",
        ],
    );
    for item in items {
        table.row(vec![
            cell(&item["id"]),
            state(&item["state"]),
            cell(&item["productflow"]["company_id"]),
            cell(&item["language"]),
            Cell::new(moment(&item["go_live"])),
            Cell::new(moment(&item["last_poll_at"])),
            Cell::new(order_view::codes(&item["problems"])),
        ]);
    }
    table.text(0)
}

/// One connection with its settings, problems and rebuild.
pub(super) fn view(console: &Console, connection: &Value) -> String {
    let word = plain(&connection["state"]);
    let colour = match word.as_str() {
        "active" => AnsiColor::Green,
        "inactive" => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let configured = |peer: &str| {
        if connection[peer]["configured"] == true {
            "configured"
        } else {
            "not configured"
        }
    };
    let paused = |peer: &str| match &connection["paused"][peer] {
        Value::Null => String::new(),
        until => format!(", left alone until {}", moment(until)),
    };
    let company = match &connection["productflow"]["company_id"] {
        Value::Null => "no company".to_owned(),
        company => format!("company {}", plain(company)),
    };
    let suspended = &connection["suspended_at"];
    let known = [
        ("language", plain(&connection["language"])),
        ("Robaws", format!("{}{}", configured("robaws"), paused("robaws"))),
        (
            "ProductFlow",
            format!(
                "{}, {company}{}",
                configured("productflow"),
                paused("productflow")
            ),
        ),
        ("go live", moment(&connection["go_live"])),
        ("activated", moment(&connection["activated_at"])),
        ("last poll", moment(&connection["last_poll_at"])),
        ("webhook", plain(&connection["webhook"])),
        ("quota left today", plain(&connection["quota_left"])),
    ];
    // Almost no connection is ever suspended, so the line is left out unless there is a moment to show.
    let suspended = suspended.as_str().map(|_| ("suspended", moment(suspended)));
    let mut parts = vec![format!(
        "{}  {}\n{}",
        console.heading(&plain(&connection["id"])),
        console.coloured(&word, colour),
        rows(known.into_iter().chain(suspended))
    )];
    if let Value::Object(settings) = &connection["settings"] {
        let settings = settings
            .iter()
            .map(|(name, value)| (name.as_str(), setting(value)));
        parts.push(format!("{}\n{}", console.heading("Settings"), rows(settings)));
    }
    let problems: Vec<String> = connection["problems"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|problem| format!("  {}", order_view::problem(problem)))
        .collect();
    if !problems.is_empty() {
        parts.push(format!(
            "{}\n{}",
            console.heading("Problems"),
            problems.join("\n")
        ));
    }
    if connection["rebuild"].is_object() {
        parts.push(format!(
            "{}\n{}",
            console.heading("Rebuild"),
            rebuild::view(&connection["rebuild"])
        ));
    }
    parts.join("\n\n")
}

/// The value of a setting, close to how it is typed.
fn setting(value: &Value) -> String {
    match value {
        Value::Object(lists) => {
            let lists: Vec<String> = lists
                .iter()
                .map(|(name, words)| format!("{name}: {}", plain(words)))
                .collect();
            lists.join("; ")
        }
        Value::Bool(flag) => flag.to_string(),
        other => plain(other),
    }
}

/// One line per name and value, the values aligned in one column.
pub(super) fn rows<'a>(rows: impl Iterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<String> = rows.map(|(name, value)| format!("  {name:<26}{value}")).collect();
    rows.join("\n")
}
