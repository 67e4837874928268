//! `connector order …`: lists and shows orders, and sends the operator's decisions on them.

use super::order_view;
use crate::api::Call;
use crate::failure::Failure;
use crate::options::order_options::{OrderCommand, OrderId, SettleAs, SettleOptions};
use crate::options::{DryRun, to_api_word};
use crate::paths;
use crate::session::Session;
use serde_json::{Map, Value, json};

pub(super) async fn run_order_command(
    session: &mut Session<'_>,
    command: OrderCommand,
) -> Result<(), Failure> {
    match command {
        OrderCommand::List { id, state, q, how_many } => {
            let call = Call::get(paths::connection_path(&id, "orders"))
                .with_query("state", state.map(to_api_word))
                .with_query("q", q);
            session.show_list(call, how_many, "orders", order_view::render_order_list).await?;
            Ok(())
        }
        OrderCommand::Show { order } => {
            let answer = session.call_api(&Call::get(path_below_order(&order, ""))).await?;
            session.show_answer(&answer, order_view::render_order)?;
            if let Some(advice) = advise_on_order(&order, &answer.json).filter(|_| !session.wants_json()) {
                session.console.print_note(advice);
            }
            Ok(())
        }
        OrderCommand::Retry { order, dry } => {
            let call = Call::post(path_below_order(&order, "retry"), json!({})).allow_repeat();
            change_order(session, dry, &call).await
        }
        OrderCommand::Choose { order, lines, dry } => {
            let body = json!({ "lines": parse_choices(&lines)? });
            change_order(session, dry, &Call::post(path_below_order(&order, "choose"), body).allow_repeat())
                .await
        }
        OrderCommand::Settle(options) => {
            let call = Call::post(path_below_order(&options.order, "settle"), build_settle_body(&options)?);
            change_order(session, options.dry, &call).await
        }
    }
}

fn path_below_order(order: &OrderId, below: &str) -> String {
    paths::order_path(&order.id, &order.identifier, below)
}

/// The command to type next for an order that waits for a person; `None` for any other order.
fn advise_on_order(order: &OrderId, shown: &Value) -> Option<String> {
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

async fn change_order(session: &mut Session<'_>, dry: DryRun, call: &Call) -> Result<(), Failure> {
    match session.send_change(dry, call).await? {
        Some(answer) => session.show_answer(&answer, order_view::render_order),
        None => Ok(()),
    }
}

/// The choices of `--line` arguments such as `1=tariff:7`, `2=article:12` and `3=no-article`. Several arguments for one order
/// line become one choice.
fn parse_choices(lines: &[String]) -> Result<Vec<Value>, Failure> {
    let mut choices: Vec<Map<String, Value>> = Vec::new();
    for text in lines {
        let (line, key, value) = parse_choice(text).ok_or_else(|| {
            Failure::wrong_usage(format!("--line {text} can't be read."))
                .with_advice("Write LINE=tariff:ID, LINE=article:ID, LINE=no-article or LINE=tariff:none.")
        })?;
        let known = choices.iter().position(|choice| choice.get("line") == Some(&json!(line)));
        let at = known.unwrap_or_else(|| {
            choices.push(Map::from_iter([("line".to_owned(), json!(line))]));
            choices.len() - 1
        });
        if let Some(choice) = choices.get_mut(at)
            && choice.insert(key.to_owned(), value).is_some()
        {
            return Err(Failure::wrong_usage(format!("--line {text} says once more what another one says.")));
        }
    }
    Ok(choices.into_iter().map(Value::Object).collect())
}

fn parse_choice(text: &str) -> Option<(&str, &'static str, Value)> {
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

fn build_settle_body(options: &SettleOptions) -> Result<Value, Failure> {
    let how = options.how;
    // Each flag belongs to one `--as` only. clap requires a flag where it belongs, but does not refuse it elsewhere.
    let strangers = [
        ("--robaws-id", options.robaws_id.is_some() && how != SettleAs::Done, "done"),
        ("--invoice", options.invoice.is_some() && how != SettleAs::Undo, "undo"),
        ("--stock", options.stock.is_some() && how != SettleAs::Undo, "undo"),
    ];
    if let Some((flag, _, of)) = strangers.into_iter().find(|(_, is_there, _)| *is_there) {
        return Err(Failure::wrong_usage(format!("{flag} only goes with --as {of}.")));
    }
    let mut body = Map::from_iter([("as".to_owned(), json!(to_api_word(how)))]);
    let fields = [
        ("robaws_id", options.robaws_id.clone()),
        ("invoice", options.invoice.map(to_api_word)),
        ("stock", options.stock.map(to_api_word)),
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

    fn parse_lines(lines: &[&str]) -> Result<Vec<Value>, Failure> {
        parse_choices(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn choices_become_the_contracts() {
        let read =
            parse_lines(&["1=tariff:7", "2=article:12", "3=no-article", "1=article:5", "a=b=tariff:none"]);
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
        assert_eq!(parse_lines(lines).unwrap_err().exit.code(), 2);
    }
}
