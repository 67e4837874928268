//! `connector articles …`: lists the articles, sends all ticked ones again, ticks all.

use crate::api::Call;
use crate::console::Console;
use crate::failure::Failure;
use crate::options::{ArticlesCommand, to_api_word};
use crate::paths;
use crate::session::Session;
use crate::table::{Table, format_moment, number_cell, plain_text, state_cell, text_cell};
use comfy_table::Cell;
use serde_json::{Value, json};

pub(super) async fn run_articles_command(
    session: &mut Session<'_>,
    command: ArticlesCommand,
) -> Result<(), Failure> {
    match command {
        ArticlesCommand::List { id, state, how_many } => {
            let call = Call::get(paths::connection_path(&id, "articles"))
                .with_query("state", state.map(to_api_word));
            session.show_list(call, how_many, "articles", render_article_list).await?;
            Ok(())
        }
        ArticlesCommand::Push { id, dry } => {
            let call = Call::post(paths::connection_path(&id, "articles/push"), json!({})).allow_repeat();
            let Some(answer) = session.send_change(dry, &call).await? else {
                return Ok(());
            };
            session.show_sentence(&answer, format!("All ticked articles of {id} will be sent again."))
        }
        ArticlesCommand::Tick { id, all, dry } => {
            let call = Call::post(paths::connection_path(&id, "articles/tick"), json!({ "all": all }))
                .allow_repeat();
            let Some(answer) = session.send_change(dry, &call).await? else {
                return Ok(());
            };
            session.show_sentence(&answer, format!("All articles of {id} will be ticked in Robaws."))
        }
    }
}

fn render_article_list(console: &Console, items: &[Value]) -> String {
    let mut table = Table::new(console, &["article", "number", "state", "pieces", "sent", "problems"]);
    for item in items {
        table.add_row(vec![
            text_cell(&item["article_id"]),
            text_cell(&item["number"]),
            state_cell(&item["state"]),
            number_cell(plain_text(&item["quantity"])),
            Cell::new(format_moment(&item["sent_at"])),
            Cell::new(super::order_view::join_problem_codes(&item["problems"])),
        ]);
    }
    table.to_text(0)
}
