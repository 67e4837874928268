//! `connector connection rebuild`: asks for a rebuild of the ledger and, with `--wait`, watches it until it is finished.

use super::connection::rows;
use crate::api::Call;
use crate::failure::Failure;
use crate::options::connection::Rebuild;
use crate::paths;
use crate::session::Session;
use crate::table::{moment, plain};
use serde_json::{Map, Value, json};

pub(super) async fn run(session: &mut Session<'_>, options: &Rebuild) -> Result<(), Failure> {
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
    let before = if options.wait {
        begun(&shown(session, id).await?)
    } else {
        None
    };
    let call = Call::post(paths::connection(id, "rebuild"), Value::Object(body));
    let answer = session.call(&call).await?;
    if !options.wait {
        return session.tell(
            &answer,
            format!("The rebuild of {id} has been asked for; `connector connection show {id}` tells how far it is."),
        );
    }
    let bar = session.console.progress(None, "begins");
    let finished = loop {
        // A failed question does not end the rebuild, which runs on the server; the failure has to say so.
        let connection = match shown(session, id).await {
            Ok(connection) => connection,
            Err(failure) => {
                bar.finish_and_clear();
                return Err(failure.advise(format!(
                    "The rebuild goes on without you: `connector connection show {id}` tells how far it is."
                )));
            }
        };
        let rebuild = &connection["rebuild"];
        if begun(&connection) != before && !rebuild["finished_at"].is_null() {
            break connection;
        }
        bar.set_message(counts(rebuild));
        bar.tick();
        tokio::time::sleep(session.environment.pace.poll).await;
    };
    bar.finish_and_clear();
    let rebuild = &finished["rebuild"];
    if session.wants_json() {
        session.console.print(finished.to_string())?;
    } else {
        session.console.print(view(rebuild))?;
    }
    if rebuild["dry_run"] == true {
        session.console.note("Nothing was made: that was a dry run.");
    } else if rebuild["in_doubt"].as_u64().unwrap_or(0) > 0 {
        session.console.note(format!(
            "`connector order list {id} --state in_doubt` names what has to be settled by hand."
        ));
    }
    Ok(())
}

async fn shown(session: &mut Session<'_>, id: &str) -> Result<Value, Failure> {
    let answer = session.call(&Call::get(paths::connection(id, ""))).await?;
    Ok(answer.json)
}

fn begun(connection: &Value) -> Option<String> {
    connection["rebuild"]["started_at"].as_str().map(str::to_owned)
}

fn counts(rebuild: &Value) -> String {
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
pub(super) fn view(rebuild: &Value) -> String {
    let is_dry = rebuild["dry_run"] == true;
    let known = [
        ("began", moment(&rebuild["started_at"])),
        ("finished", moment(&rebuild["finished_at"])),
        ("asked about until", moment(&rebuild["lost_at"])),
        ("dry run", plain(&rebuild["dry_run"])),
        ("documents read", plain(&rebuild["documents"])),
        ("known", plain(&rebuild["known"])),
        (
            if is_dry { "to be made anew" } else { "made anew" },
            plain(&rebuild["made"]),
        ),
        ("for orders", plain(&rebuild["orders"])),
        ("that fit no order", plain(&rebuild["in_doubt"])),
        ("with marks of others", plain(&rebuild["strangers"])),
    ];
    rows(known.into_iter())
}
