//! The commands: which call of the API each one makes, and how its answer is printed. This file runs the small ones itself.

mod article_commands;
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
use crate::table::plain_text;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

pub(crate) async fn run_command(session: &mut Session<'_>, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Connection(command) => connection::run_connection_command(session, command).await?,
        Command::Order(command) => order::run_order_command(session, command).await?,
        Command::Plan(options) => plan::show_plan(session, &options).await?,
        Command::Articles(command) => article_commands::run_articles_command(session, command).await?,
        Command::Notifications(options) => return notifications::show_notifications(session, &options).await,
        Command::Reconcile(options) => request_nightly_check(session, &options).await?,
        Command::DeadLetters(command) => {
            return dead_letters::run_dead_letters_command(session, command).await;
        }
        Command::Doctor(options) => return doctor::run_doctor(session, *options).await,
        Command::Health => show_health(session).await?,
        Command::Completions { shell } => print_completions(session, shell)?,
    }
    Ok(Exit::Success)
}

async fn show_health(session: &mut Session<'_>) -> Result<(), Failure> {
    session.needs_no_token();
    let answer = session.call_api(&Call::get("/health".to_owned())).await?;
    let (status, version) = (plain_text(&answer.json["status"]), plain_text(&answer.json["version"]));
    session.show_sentence(&answer, format!("{status}: the connector there is version {version}."))?;
    let own = env!("CARGO_PKG_VERSION");
    if version != own {
        session.console.print_note(format!("This command line is version {own}."));
    }
    Ok(())
}

async fn request_nightly_check(session: &mut Session<'_>, options: &ReconcileOptions) -> Result<(), Failure> {
    let path = paths::connection_path(&options.id, "reconcile");
    let call = if options.confirm_withdrawals {
        // A repeat is not allowed: it could confirm withdrawals that were held back only after the first attempt.
        Call::post(path, json!({ "confirm_withdrawals": true }))
    } else {
        Call::post(path, json!({})).allow_repeat()
    };
    let Some(answer) = session.send_change(options.dry, &call).await? else {
        return Ok(());
    };
    let id = &options.id;
    session.show_sentence(
        &answer,
        format!("The check of {id} has been asked for; what it finds is in `connector notifications {id}`."),
    )
}

fn print_completions(session: &mut Session<'_>, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Options::command(), "connector", &mut script);
    session.console.print_bytes(&script)
}
