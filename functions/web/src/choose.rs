//! API `choose`: the merchant's choices for order lines whose VAT code or SKU cannot be corrected in ProductFlow.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::orders_api::{load_order, must_be_active, order_not_found, queue_order};
use crate::request::Request;
use crate::{json_body, order_json};
use domain::Language;
use domain::ids::{ArticleId, LineId, OrderIdentifier, VatTariffId};
use domain::ledger::{ArticleChoice, Choice};
use domain::problem::{Arg, build_args};
use domain::text;
use runtime::error::Chain;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::model::{ConnectionItem, OrderRecord};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChooseBody {
    lines: Vec<LineChoice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null and absent mean different things")]
struct LineChoice {
    line: LineId,
    /// `None`: absent, the choice stays; `Some(None)`: `null`, the choice of a tariff is withdrawn.
    #[serde(default, deserialize_with = "deserialize_present")]
    vat_tariff_id: Option<Option<VatTariffId>>,
    /// `None`: absent, the choice stays; `Some(None)`: `null`, the line is to have no article.
    #[serde(default, deserialize_with = "deserialize_present")]
    article_id: Option<Option<ArticleId>>,
}

/// Reads a field that is present, so that `null` differs from a field that is absent.
#[expect(clippy::option_option, reason = "null and absent mean different things")]
fn deserialize_present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// `POST …/orders/{identifier}/choose`: checks the choices, stores them in the ledger, and has the order looked at at once.
pub(crate) async fn choose_for_lines(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    let body: ChooseBody = json_body::parse_body(&request.body)?;
    check_choice_shape(&body)?;
    let record = load_order(deps, item, identifier).await?;
    must_be_active(item)?;
    // The lines of an invoice are frozen before it is sent, so a choice could not change them any more.
    if record.ledger.find_invoice().is_some() {
        return Err(ApiError::http_conflict("already_invoiced").with_arg("order", record.display_reference()));
    }
    check_choices_at_robaws(deps, item, &record, &body).await?;
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let amended = deps
        .store
        .amend_order(connection, identifier, now, |record| {
            for line in &body.lines {
                apply_line_choice(&mut record.ledger.choices, line, now);
            }
            record.force_look(now);
            true
        })
        .await?
        .ok_or_else(|| order_not_found(identifier))?;
    tracing::info!(lines = body.lines.len(), settled.by = request.by, "chosen");
    queue_order(deps, connection, identifier).await;
    Ok(Reply::ok(order_json::render_order_json(&amended, item.connection.language)))
}

fn check_choice_shape(body: &ChooseBody) -> Result<(), ApiError> {
    if body.lines.is_empty() {
        return Err(ApiError::bad_request("lines", "is empty"));
    }
    let mut seen = BTreeSet::new();
    for (at, line) in body.lines.iter().enumerate() {
        if line.vat_tariff_id.is_none() && line.article_id.is_none() {
            return Err(ApiError::bad_request(format!("lines[{at}]"), "needs vat_tariff_id or article_id"));
        }
        if !seen.insert(&line.line) {
            return Err(ApiError::bad_request(format!("lines[{at}].line"), "is there twice"));
        }
        if let Some(Some(id)) = &line.vat_tariff_id {
            json_body::check_robaws_id(&format!("lines[{at}].vat_tariff_id"), id.as_str())?;
        }
        if let Some(Some(id)) = &line.article_id {
            json_body::check_robaws_id(&format!("lines[{at}].article_id"), id.as_str())?;
        }
    }
    Ok(())
}

/// Checks that the lines are lines of the order, and at Robaws that tariffs are VAT-inclusive and articles not archived.
async fn check_choices_at_robaws(
    deps: &Deps,
    item: &ConnectionItem,
    record: &OrderRecord,
    body: &ChooseBody,
) -> Result<(), ApiError> {
    let language = item.connection.language;
    let clients =
        deps.peers.clients_for(&item.connection).await.map_err(|error| ApiError::internal_error(&error))?;
    let unavailable = |error: robaws::Error| {
        tracing::warn!(error = %Chain(&error), "a choice could not be checked");
        ApiError::peer_unavailable("Robaws")
    };
    let tariffs = if body.lines.iter().any(|line| matches!(line.vat_tariff_id, Some(Some(_)))) {
        clients.robaws.read_vat_tariffs().await.map_err(unavailable)?
    } else {
        Vec::new()
    };
    let mut faults = Vec::new();
    for (at, line) in body.lines.iter().enumerate() {
        let is_known = record.facts.iter().flat_map(|facts| &facts.lines).any(|known| known.id == line.line);
        if !is_known {
            faults.push(render_line_fault(at, "line", "line_unknown", record, line.line.as_str(), language));
        }
        if let Some(Some(id)) = &line.vat_tariff_id
            && !tariffs.iter().any(|tariff| tariff.id == *id && tariff.vat_inclusive)
        {
            faults.push(render_line_fault(
                at,
                "vat_tariff_id",
                "tariff_refused",
                record,
                id.as_str(),
                language,
            ));
        }
        if let Some(Some(id)) = &line.article_id {
            let article = clients.robaws.read_article(id).await.map_err(unavailable)?;
            if !article.is_some_and(|article| article.live) {
                faults.push(render_line_fault(
                    at,
                    "article_id",
                    "article_refused",
                    record,
                    id.as_str(),
                    language,
                ));
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(ApiError::unprocessable_entity("choice_refused").with_details(faults))
    }
}

fn render_line_fault(
    at: usize,
    field: &str,
    key: &str,
    record: &OrderRecord,
    value: &str,
    language: Language,
) -> Value {
    let arg = || Arg::from(value);
    let args = build_args([
        ("order", record.display_reference().into()),
        ("line", arg()),
        ("tariff", arg()),
        ("article", arg()),
    ]);
    json!({ "field": format!("lines[{at}].{field}"), "message": text::render_api_error(key, &args, language) })
}

fn apply_line_choice(choices: &mut Vec<Choice>, line: &LineChoice, now: jiff::Timestamp) {
    let at = choices.iter().position(|choice| choice.line == line.line);
    let mut choice = match at {
        Some(at) => choices.remove(at),
        None => Choice { line: line.line.clone(), vat_tariff_id: None, article: None, at: now },
    };
    choice.at = now;
    if let Some(tariff) = &line.vat_tariff_id {
        choice.vat_tariff_id.clone_from(tariff);
    }
    if let Some(article) = &line.article_id {
        choice.article = Some(match article {
            Some(id) => ArticleChoice::Article(id.clone()),
            None => ArticleChoice::None,
        });
    }
    if choice.vat_tariff_id.is_some() || choice.article.is_some() {
        choices.push(choice);
    }
}
