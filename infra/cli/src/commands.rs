//! The commands: which call of the API each one makes, and how its answer is printed. This file runs the small ones itself.

mod articles;
mod connection;
mod dead_letters;
mod doctor;
mod notifications;
mod order;
mod order_view;
mod plan;
mod rebuild;

use crate::api::Call;
use crate::failure::{Exit, Failure};
use crate::options::{Command, Options, ReconcileOptions};
use crate::paths;
use crate::session::Session;
use crate::table::plain;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Connection(command) => connection::run(session, command).await?,
        Command::Order(command) => order::run(session, command).await?,
        Command::Plan(options) => plan::run(session, &options).await?,
        Command::Articles(command) => articles::run(session, command).await?,
        Command::Notifications(options) => return notifications::run(session, &options).await,
        Command::Reconcile(options) => reconcile(session, &options).await?,
        Command::DeadLetters(command) => return dead_letters::run(session, command).await,
        Command::Doctor(options) => return doctor::run(session, *options).await,
        Command::Health => health(session).await?,
        Command::Completions { shell } => completions(session, shell)?,
    }
    Ok(Exit::Success)
}

async fn health(session: &mut Session<'_>) -> Result<(), Failure> {
    session.needs_no_token();
    let answer = session.call(&Call::get("/health".to_owned())).await?;
    let (status, version) = (plain(&answer.json["status"]), plain(&answer.json["version"]));
    session.tell(
        &answer,
        format!("{status}: the connector there is version {version}."),
    )?;
    let own = env!("CARGO_PKG_VERSION");
    if version != own {
        session
            .console
            .note(format!("This command line is version {own}."));
    }
    Ok(())
}

async fn reconcile(session: &mut Session<'_>, options: &ReconcileOptions) -> Result<(), Failure> {
    let path = paths::connection(&options.id, "reconcile");
    let call = if options.confirm_withdrawals {
        // A repeat is not allowed: it could confirm withdrawals that were held back only after the first attempt.
        Call::post(path, json!({ "confirm_withdrawals": true }))
    } else {
        Call::post(path, json!({})).repeatable()
    };
    let Some(answer) = session.change(options.dry, &call).await? else {
        return Ok(());
    };
    let id = &options.id;
    session.tell(
        &answer,
        format!("The check of {id} has been asked for; what it finds is in `connector notifications {id}`."),
    )
}

fn completions(session: &mut Session<'_>, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Options::command(), "connector", &mut script);
    session.console.print_bytes(&script)
}
