//! `connector dead-letters …`: shows what the dead-letter queues hold, and puts messages back where they came from.

use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::options::{DeadLettersCommand, word};
use crate::queues::{DeadLetters, Held};
use crate::session::Session;
use crate::table::{Table, moment, plain};
use comfy_table::Cell;
use serde_json::{Value, json};

/// Receives in a row that give no message, although the queue's count says that there are some; after these the command stops.
const MOST_EMPTY: u32 = 5;

pub(super) async fn run(session: &mut Session<'_>, command: DeadLettersCommand) -> Result<Exit, Failure> {
    let dead = DeadLetters::of(&session.deployment()?, session.environment).await?;
    match command {
        DeadLettersCommand::List { fail_if_any } => {
            let any = list(session, &dead).await?;
            Ok(if any && fail_if_any {
                Exit::Some
            } else {
                Exit::Success
            })
        }
        DeadLettersCommand::Redrive { queue, dry_run } => {
            redrive(session, &dead, &word(queue), dry_run).await?;
            Ok(Exit::Success)
        }
    }
}

async fn list(session: &mut Session<'_>, dead: &DeadLetters) -> Result<bool, Failure> {
    let mut all = Vec::new();
    for queue in dead.queues() {
        all.push(dead.look(queue).await?);
    }
    let any = all.iter().any(|held| held.about > 0);
    if session.wants_json() {
        let queues: Vec<Value> = all.iter().map(json_of).collect();
        session.console.print(json!({ "queues": queues }).to_string())?;
        return Ok(any);
    }
    let text = view(session.console, &all);
    session.console.print(text)?;
    if any {
        session.console.note(
            "Counts are SQS' estimates. What was shown stays where it is, hidden for some seconds; of one connection at most ten \
             messages are shown.\nFind out in the logs why they could not be taken, then `connector dead-letters redrive QUEUE`.",
        );
    }
    Ok(any)
}

fn json_of(held: &Held) -> Value {
    json!({ "queue": held.name, "approximate_count": held.about, "messages": held.messages })
}

fn view(console: &Console, all: &[Held]) -> String {
    let mut table = Table::new(
        console,
        &["queue", "about", "what", "connection", "sent", "receives"],
    );
    for held in all {
        if held.messages.is_empty() {
            table.row(vec![Cell::new(held.name), Cell::new(held.about)]);
        }
        for (at, message) in held.messages.iter().enumerate() {
            let (name, about) = if at == 0 {
                (held.name, held.about.to_string())
            } else {
                ("", String::new())
            };
            table.row(vec![
                Cell::new(name),
                Cell::new(about),
                Cell::new(subject(message)),
                Cell::new(plain(&message["connection"])),
                Cell::new(moment(&message["sent_at"])),
                Cell::new(plain(&message["receives"])),
            ]);
        }
    }
    table.text(0)
}

fn subject(message: &Value) -> String {
    let kind = plain(&message["kind"]);
    let what = ["order", "article_id", "sweep"]
        .into_iter()
        .find_map(|name| message[name].as_str());
    match what {
        Some(what) => format!("{kind} {what}"),
        None => kind,
    }
}

async fn redrive(
    session: &mut Session<'_>,
    dead: &DeadLetters,
    name: &str,
    dry_run: bool,
) -> Result<(), Failure> {
    let queue = dead.queue(name)?;
    let about = dead.count(&queue).await?;
    if dry_run {
        if session.wants_json() {
            session
                .console
                .print(json!({ "queue": name, "would_move": about }).to_string())?;
        } else {
            session.console.print(format!(
                "About {about} message(s) would go back to the {name} queue."
            ))?;
        }
        session.console.note("Nothing was moved.");
        return Ok(());
    }
    // SQS' counts are estimates, so messages are received until none comes, not until the count is reached.
    let bar = session.console.progress(Some(about), "put back");
    let mut moved = 0;
    let mut empty = 0;
    let outcome = loop {
        match dead.redrive(&queue).await {
            Ok(0) => {
                empty += 1;
                // The queue may hold messages that are hidden, because somebody listed them some seconds ago: ask again.
                let left = dead.count(&queue).await;
                if empty > MOST_EMPTY || !matches!(left, Ok(1..)) {
                    break left;
                }
                tokio::time::sleep(session.environment.pace.poll).await;
            }
            Ok(some) => {
                moved += some;
                empty = 0;
                bar.set_position(moved);
            }
            Err(failure) => break Err(failure),
        }
    };
    bar.finish_and_clear();
    if session.wants_json() {
        session
            .console
            .print(json!({ "queue": name, "moved": moved }).to_string())?;
    } else {
        session
            .console
            .print(format!("{moved} message(s) went back to the {name} queue."))?;
    }
    // What was moved is printed before a failure is reported, because these messages have gone back.
    let left = outcome?;
    if left > 0 {
        session.console.note(format!(
            "About {left} message(s) are still there: somebody else has them in hand. Repeat this in a minute."
        ));
    }
    Ok(())
}
