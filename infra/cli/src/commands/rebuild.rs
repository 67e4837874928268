//! `connector connection rebuild`: asks for a rebuild of the ledger and, with `--wait`, watches it until it is finished.

use super::connection::render_fields;
use crate::api::Call;
use crate::failure::Failure;
use crate::options::connection_options::RebuildOptions;
use crate::paths;
use crate::session::Session;
use crate::table::{format_moment, plain_text};
use serde_json::{Map, Value, json};

pub(super) async fn run_rebuild(session: &mut Session<'_>, options: &RebuildOptions) -> Result<(), Failure> {
    let id = &options.id;
    let mut body = Map::new();
    let moments = [("go_live", options.go_live), ("lost_at", options.lost_at)];
    for (name, at) in moments {
        if let Some(at) = at {
            body.insert(name.to_owned(), json!(at));
        }
    }
    if options.dry_run {
        body.insert("dry_run".to_owned(), json!(true));
    }
    // The connection may show an earlier rebuild, which is finished already. The one that is asked for has another `started_at`.
    let before = if options.wait { rebuild_started_at(&fetch_connection(session, id).await?) } else { None };
    let call = Call::post(paths::connection_path(id, "rebuild"), Value::Object(body));
    let answer = session.call_api(&call).await?;
    if !options.wait {
        return session.show_sentence(
            &answer,
            format!("The rebuild of {id} has been asked for; `connector connection show {id}` tells how far it is."),
        );
    }
    let bar = session.console.make_progress_bar(None, "begins");
    let finished = loop {
        // A failed question does not end the rebuild, which runs on the server; the failure has to say so.
        let connection = match fetch_connection(session, id).await {
            Ok(connection) => connection,
            Err(failure) => {
                bar.finish_and_clear();
                return Err(failure.with_advice(format!(
                    "The rebuild goes on without you: `connector connection show {id}` tells how far it is."
                )));
            }
        };
        let rebuild = &connection["rebuild"];
        if rebuild_started_at(&connection) != before && !rebuild["finished_at"].is_null() {
            break connection;
        }
        bar.set_message(describe_progress(rebuild));
        bar.tick();
        tokio::time::sleep(session.environment.pace.watch_interval).await;
    };
    bar.finish_and_clear();
    let rebuild = &finished["rebuild"];
    if session.wants_json() {
        session.console.print_text(finished.to_string())?;
    } else {
        session.console.print_text(render_rebuild(rebuild))?;
    }
    if rebuild["dry_run"] == true {
        session.console.print_note("Nothing was made: that was a dry run.");
    } else if rebuild["in_doubt"].as_u64().unwrap_or(0) > 0 {
        session.console.print_note(format!(
            "`connector order list {id} --state in_doubt` names what has to be settled by hand."
        ));
    }
    Ok(())
}

async fn fetch_connection(session: &mut Session<'_>, id: &str) -> Result<Value, Failure> {
    let answer = session.call_api(&Call::get(paths::connection_path(id, ""))).await?;
    Ok(answer.json)
}

fn rebuild_started_at(connection: &Value) -> Option<String> {
    connection["rebuild"]["started_at"].as_str().map(str::to_owned)
}

fn describe_progress(rebuild: &Value) -> String {
    let count = |name: &str| rebuild[name].as_u64().unwrap_or(0);
    format!(
        "{} documents read, {} known, {} made anew for {} orders, {} in doubt",
        count("documents"),
        count("known"),
        count("made"),
        count("orders"),
        count("in_doubt")
    )
}

/// How far a rebuild is: its times and its counts.
pub(super) fn render_rebuild(rebuild: &Value) -> String {
    let is_dry = rebuild["dry_run"] == true;
    let known = [
        ("began", format_moment(&rebuild["started_at"])),
        ("finished", format_moment(&rebuild["finished_at"])),
        ("asked about until", format_moment(&rebuild["lost_at"])),
        ("dry run", plain_text(&rebuild["dry_run"])),
        ("documents read", plain_text(&rebuild["documents"])),
        ("known", plain_text(&rebuild["known"])),
        (if is_dry { "to be made anew" } else { "made anew" }, plain_text(&rebuild["made"])),
        ("for orders", plain_text(&rebuild["orders"])),
        ("that fit no order", plain_text(&rebuild["in_doubt"])),
        ("with marks of others", plain_text(&rebuild["strangers"])),
    ];
    render_fields(known.into_iter())
}
