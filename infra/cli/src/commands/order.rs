//! `connector order …`: lists and shows orders, and sends the operator's decisions on them.

use super::order_view;
use crate::api::Call;
use crate::failure::Failure;
use crate::options::order::{OrderCommand, OrderId, Settle, SettleAs};
use crate::options::{DryRun, word};
use crate::paths;
use crate::session::Session;
use serde_json::{Map, Value, json};

pub(super) async fn run(session: &mut Session<'_>, command: OrderCommand) -> Result<(), Failure> {
    match command {
        OrderCommand::List {
            id,
            state,
            q,
            how_many,
        } => {
            let call = Call::get(paths::connection(&id, "orders"))
                .with("state", state.map(word))
                .with("q", q);
            session.list(call, how_many, "orders", order_view::list).await?;
            Ok(())
        }
        OrderCommand::Show { order } => {
            let answer = session.call(&Call::get(path(&order, ""))).await?;
            session.show(&answer, order_view::one)?;
            if let Some(advice) = advice(&order, &answer.json).filter(|_| !session.wants_json()) {
                session.console.note(advice);
            }
            Ok(())
        }
        OrderCommand::Retry { order, dry } => {
            let call = Call::post(path(&order, "retry"), json!({})).repeatable();
            change(session, dry, &call).await
        }
        OrderCommand::Choose { order, lines, dry } => {
            let body = json!({ "lines": choices(&lines)? });
            change(
                session,
                dry,
                &Call::post(path(&order, "choose"), body).repeatable(),
            )
            .await
        }
        OrderCommand::Settle(options) => {
            let call = Call::post(path(&options.order, "settle"), settlement(&options)?);
            change(session, options.dry, &call).await
        }
    }
}

fn path(order: &OrderId, below: &str) -> String {
    paths::order(&order.id, &order.identifier, below)
}

/// The command to type next for an order that waits for a person; `None` for any other order.
fn advice(order: &OrderId, shown: &Value) -> Option<String> {
    let typed = |command: &str| format!("connector order {command} {} {}", order.id, order.identifier);
    match shown["state"].as_str() {
        Some("conflict") => Some(format!(
            "Decide: `{} --as undo --invoice credit|delete_draft|keep --stock return|keep`.",
            typed("settle")
        )),
        Some("in_doubt") => Some(format!(
            "Look in Robaws, then: `{0} --as done --robaws-id ID` or `{0} --as not_done`.",
            typed("settle")
        )),
        Some("blocked") => Some(format!("Once its cause is gone: `{}`.", typed("retry"))),
        _ => None,
    }
}

async fn change(session: &mut Session<'_>, dry: DryRun, call: &Call) -> Result<(), Failure> {
    match session.change(dry, call).await? {
        Some(answer) => session.show(&answer, order_view::one),
        None => Ok(()),
    }
}

/// The choices of `--line` arguments such as `1=tariff:7`, `2=article:12` and `3=no-article`. Several arguments for one order
/// line become one choice.
fn choices(lines: &[String]) -> Result<Vec<Value>, Failure> {
    let mut choices: Vec<Map<String, Value>> = Vec::new();
    for text in lines {
        let (line, key, value) = choice(text).ok_or_else(|| {
            Failure::usage(format!("--line {text} can't be read."))
                .advise("Write LINE=tariff:ID, LINE=article:ID, LINE=no-article or LINE=tariff:none.")
        })?;
        let known = choices
            .iter()
            .position(|choice| choice.get("line") == Some(&json!(line)));
        let at = known.unwrap_or_else(|| {
            choices.push(Map::from_iter([("line".to_owned(), json!(line))]));
            choices.len() - 1
        });
        if let Some(choice) = choices.get_mut(at)
            && choice.insert(key.to_owned(), value).is_some()
        {
            return Err(Failure::usage(format!(
                "--line {text} says once more what another one says."
            )));
        }
    }
    Ok(choices.into_iter().map(Value::Object).collect())
}

fn choice(text: &str) -> Option<(&str, &'static str, Value)> {
    // The id of a line may contain a `=`, so the last one separates.
    let (line, what) = text.rsplit_once('=')?;
    let (key, value) = match what.split_once(':') {
        None if what == "no-article" => ("article_id", Value::Null),
        Some(("tariff", "none")) => ("vat_tariff_id", Value::Null),
        Some(("tariff", id)) if !id.is_empty() => ("vat_tariff_id", json!(id)),
        Some(("article", id)) if !id.is_empty() => ("article_id", json!(id)),
        _ => return None,
    };
    (!line.is_empty()).then_some((line, key, value))
}

fn settlement(options: &Settle) -> Result<Value, Failure> {
    let how = options.how;
    // Each flag belongs to one `--as` only. clap requires a flag where it belongs, but does not refuse it elsewhere.
    let strangers = [
        (
            "--robaws-id",
            options.robaws_id.is_some() && how != SettleAs::Done,
            "done",
        ),
        (
            "--invoice",
            options.invoice.is_some() && how != SettleAs::Undo,
            "undo",
        ),
        (
            "--stock",
            options.stock.is_some() && how != SettleAs::Undo,
            "undo",
        ),
    ];
    if let Some((flag, _, of)) = strangers.into_iter().find(|(_, is_there, _)| *is_there) {
        return Err(Failure::usage(format!("{flag} only goes with --as {of}.")));
    }
    let mut body = Map::from_iter([("as".to_owned(), json!(word(how)))]);
    let fields = [
        ("robaws_id", options.robaws_id.clone()),
        ("invoice", options.invoice.map(word)),
        ("stock", options.stock.map(word)),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    Ok(Value::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read(lines: &[&str]) -> Result<Vec<Value>, Failure> {
        choices(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn choices_become_the_contracts() {
        let read = read(&[
            "1=tariff:7",
            "2=article:12",
            "3=no-article",
            "1=article:5",
            "a=b=tariff:none",
        ]);
        assert_eq!(
            Value::Array(read.unwrap()),
            json!([
                {"line": "1", "vat_tariff_id": "7", "article_id": "5"}, {"line": "2", "article_id": "12"},
                {"line": "3", "article_id": null}, {"line": "a=b", "vat_tariff_id": null},
            ])
        );
    }

    #[rstest]
    #[case(&["1"])]
    #[case(&["1=7"])]
    #[case(&["1=tariff:"])]
    #[case(&["=tariff:7"])]
    #[case(&["1=vat:7"])]
    #[case(&["1=tariff:7", "1=tariff:8"])]
    #[case(&["1=no-article", "1=article:8"])]
    fn what_is_no_choice_is_refused(#[case] lines: &[&str]) {
        assert_eq!(read(lines).unwrap_err().exit.code(), 2);
    }
}
