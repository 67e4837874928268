//! `connector articles …`: lists the articles, sends all ticked ones again, ticks all.

use crate::api::Call;
use crate::console::Console;
use crate::failure::Failure;
use crate::options::{ArticlesCommand, word};
use crate::paths;
use crate::session::Session;
use crate::table::{Table, cell, moment, number, plain, state};
use comfy_table::Cell;
use serde_json::{Value, json};

pub(super) async fn run(session: &mut Session<'_>, command: ArticlesCommand) -> Result<(), Failure> {
    match command {
        ArticlesCommand::List { id, state, how_many } => {
            let call = Call::get(paths::connection(&id, "articles")).with("state", state.map(word));
            session.list(call, how_many, "articles", view).await?;
            Ok(())
        }
        ArticlesCommand::Push { id, dry } => {
            let call = Call::post(paths::connection(&id, "articles/push"), json!({})).repeatable();
            let Some(answer) = session.change(dry, &call).await? else {
                return Ok(());
            };
            session.tell(
                &answer,
                format!("All ticked articles of {id} will be sent again."),
            )
        }
        ArticlesCommand::Tick { id, all, dry } => {
            let call =
                Call::post(paths::connection(&id, "articles/tick"), json!({ "all": all })).repeatable();
            let Some(answer) = session.change(dry, &call).await? else {
                return Ok(());
            };
            session.tell(&answer, format!("All articles of {id} will be ticked in Robaws."))
        }
    }
}

fn view(console: &Console, items: &[Value]) -> String {
    let mut table = Table::new(
        console,
        &["article", "number", "state", "pieces", "sent", "problems"],
    );
    for item in items {
        table.row(vec![
            cell(&item["article_id"]),
            cell(&item["number"]),
            state(&item["state"]),
            number(plain(&item["quantity"])),
            Cell::new(moment(&item["sent_at"])),
            Cell::new(super::order_view::codes(&item["problems"])),
        ]);
    }
    table.text(0)
}
