//! `connector dead-letters …`: shows what the dead-letter queues hold, and puts messages back where they came from.

use crate::console::Console;
use crate::dead_letter_queues::{DeadLetterQueues, QueueContents};
use crate::failure::{Exit, Failure};
use crate::options::{DeadLettersCommand, to_api_word};
use crate::session::Session;
use crate::table::{Table, format_moment, plain_text};
use comfy_table::Cell;
use serde_json::{Value, json};

/// Receives in a row that give no message, although the queue's count says that there are some; after these the command stops.
const MOST_EMPTY_RECEIVES: u32 = 5;

pub(super) async fn run_dead_letters_command(
    session: &mut Session<'_>,
    command: DeadLettersCommand,
) -> Result<Exit, Failure> {
    let dead = DeadLetterQueues::for_deployment(&session.find_deployment()?, session.environment).await?;
    match command {
        DeadLettersCommand::List { fail_if_any } => {
            let any = list_dead_letters(session, &dead).await?;
            Ok(if any && fail_if_any { Exit::FoundSome } else { Exit::Success })
        }
        DeadLettersCommand::Redrive { queue, dry_run } => {
            redrive_queue(session, &dead, &to_api_word(queue), dry_run).await?;
            Ok(Exit::Success)
        }
    }
}

async fn list_dead_letters(session: &mut Session<'_>, dead: &DeadLetterQueues) -> Result<bool, Failure> {
    let mut all = Vec::new();
    for queue in dead.queues() {
        all.push(dead.peek_messages(queue).await?);
    }
    let any = all.iter().any(|held| held.approximate_count > 0);
    if session.wants_json() {
        let queues: Vec<Value> = all.iter().map(queue_to_json).collect();
        session.console.print_text(json!({ "queues": queues }).to_string())?;
        return Ok(any);
    }
    let text = render_queues(session.console, &all);
    session.console.print_text(text)?;
    if any {
        session.console.print_note(
            "Counts are SQS' estimates. What was shown stays where it is, hidden for some seconds; of one connection at most ten \
             messages are shown.\nFind out in the logs why they could not be taken, then `connector dead-letters redrive QUEUE`.",
        );
    }
    Ok(any)
}

fn queue_to_json(held: &QueueContents) -> Value {
    json!({ "queue": held.name, "approximate_count": held.approximate_count, "messages": held.messages })
}

fn render_queues(console: &Console, all: &[QueueContents]) -> String {
    let mut table = Table::new(console, &["queue", "about", "what", "connection", "sent", "receives"]);
    for held in all {
        if held.messages.is_empty() {
            table.add_row(vec![Cell::new(held.name), Cell::new(held.approximate_count)]);
        }
        for (at, message) in held.messages.iter().enumerate() {
            let (name, about) =
                if at == 0 { (held.name, held.approximate_count.to_string()) } else { ("", String::new()) };
            table.add_row(vec![
                Cell::new(name),
                Cell::new(about),
                Cell::new(describe_message(message)),
                Cell::new(plain_text(&message["connection"])),
                Cell::new(format_moment(&message["sent_at"])),
                Cell::new(plain_text(&message["receives"])),
            ]);
        }
    }
    table.to_text(0)
}

fn describe_message(message: &Value) -> String {
    let kind = plain_text(&message["kind"]);
    let what = ["order", "article_id", "sweep"].into_iter().find_map(|name| message[name].as_str());
    match what {
        Some(what) => format!("{kind} {what}"),
        None => kind,
    }
}

async fn redrive_queue(
    session: &mut Session<'_>,
    dead: &DeadLetterQueues,
    name: &str,
    dry_run: bool,
) -> Result<(), Failure> {
    let queue = dead.find_queue(name)?;
    let about = dead.count_messages(&queue).await?;
    if dry_run {
        if session.wants_json() {
            session.console.print_text(json!({ "queue": name, "would_move": about }).to_string())?;
        } else {
            session
                .console
                .print_text(format!("About {about} message(s) would go back to the {name} queue."))?;
        }
        session.console.print_note("Nothing was moved.");
        return Ok(());
    }
    // SQS' counts are estimates, so messages are received until none comes, not until the count is reached.
    let bar = session.console.make_progress_bar(Some(about), "put back");
    let mut moved = 0;
    let mut empty = 0;
    let outcome = loop {
        match dead.redrive_messages(&queue).await {
            Ok(0) => {
                empty += 1;
                // The queue may hold messages that are hidden, because somebody listed them some seconds ago: ask again.
                let left = dead.count_messages(&queue).await;
                if empty > MOST_EMPTY_RECEIVES || !matches!(left, Ok(1..)) {
                    break left;
                }
                tokio::time::sleep(session.environment.pace.watch_interval).await;
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
        session.console.print_text(json!({ "queue": name, "moved": moved }).to_string())?;
    } else {
        session.console.print_text(format!("{moved} message(s) went back to the {name} queue."))?;
    }
    // What was moved is printed before a failure is reported, because these messages have gone back.
    let left = outcome?;
    if left > 0 {
        session.console.print_note(format!(
            "About {left} message(s) are still there: somebody else has them in hand. Repeat this in a minute."
        ));
    }
    Ok(())
}
