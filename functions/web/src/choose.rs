//! API `choose`: the merchant's choices for order lines whose VAT code or SKU cannot be corrected in ProductFlow.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::orders::{known, must_be_active, send, unknown};
use crate::request::Request;
use crate::{body, order_view};
use domain::Language;
use domain::ids::{ArticleId, LineId, OrderIdentifier, VatTariffId};
use domain::ledger::{ArticleChoice, Choice};
use domain::problem::{Arg, args};
use domain::text;
use runtime::error::Chain;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::model::{ConnectionItem, OrderRecord};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choose {
    lines: Vec<LineChoice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null and absent mean different things")]
struct LineChoice {
    line: LineId,
    /// `None`: absent, the choice stays; `Some(None)`: `null`, the choice of a tariff is withdrawn.
    #[serde(default, deserialize_with = "there")]
    vat_tariff_id: Option<Option<VatTariffId>>,
    /// `None`: absent, the choice stays; `Some(None)`: `null`, the line is to have no article.
    #[serde(default, deserialize_with = "there")]
    article_id: Option<Option<ArticleId>>,
}

/// Reads a field that is present, so that `null` differs from a field that is absent.
#[expect(clippy::option_option, reason = "null and absent mean different things")]
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// `POST …/orders/{identifier}/choose`: checks the choices, stores them in the ledger, and has the order looked at at once.
pub async fn choose(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    let body: Choose = body::read(&request.body)?;
    check_shape(&body)?;
    let record = known(deps, item, identifier).await?;
    must_be_active(item)?;
    // The lines of an invoice are frozen before it is sent, so a choice could not change them any more.
    if record.ledger.invoice().is_some() {
        return Err(ApiError::conflict("already_invoiced").arg("order", record.reference()));
    }
    check(deps, item, &record, &body).await?;
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let amended = deps
        .store
        .amend_order(connection, identifier, now, |record| {
            for line in &body.lines {
                apply(&mut record.ledger.choices, line, now);
            }
            record.look_again(now);
            true
        })
        .await?
        .ok_or_else(|| unknown(identifier))?;
    tracing::info!(lines = body.lines.len(), settled.by = request.by, "chosen");
    send(deps, connection, identifier).await;
    Ok(Reply::ok(order_view::order(&amended, item.connection.language)))
}

fn check_shape(body: &Choose) -> Result<(), ApiError> {
    if body.lines.is_empty() {
        return Err(ApiError::bad_request("lines", "is empty"));
    }
    let mut seen = BTreeSet::new();
    for (at, line) in body.lines.iter().enumerate() {
        if line.vat_tariff_id.is_none() && line.article_id.is_none() {
            return Err(ApiError::bad_request(
                format!("lines[{at}]"),
                "needs vat_tariff_id or article_id",
            ));
        }
        if !seen.insert(&line.line) {
            return Err(ApiError::bad_request(
                format!("lines[{at}].line"),
                "is there twice",
            ));
        }
        if let Some(Some(id)) = &line.vat_tariff_id {
            body::robaws_id(&format!("lines[{at}].vat_tariff_id"), id.as_str())?;
        }
        if let Some(Some(id)) = &line.article_id {
            body::robaws_id(&format!("lines[{at}].article_id"), id.as_str())?;
        }
    }
    Ok(())
}

/// Checks that the lines are lines of the order, and at Robaws that tariffs are VAT-inclusive and articles not archived.
async fn check(
    deps: &Deps,
    item: &ConnectionItem,
    record: &OrderRecord,
    body: &Choose,
) -> Result<(), ApiError> {
    let language = item.connection.language;
    let clients = deps
        .peers
        .of(&item.connection)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let unavailable = |error: robaws::Error| {
        tracing::warn!(error = %Chain(&error), "a choice could not be checked");
        ApiError::peer_unavailable("Robaws")
    };
    let tariffs = if body
        .lines
        .iter()
        .any(|line| matches!(line.vat_tariff_id, Some(Some(_))))
    {
        clients.robaws.vat_tariffs().await.map_err(unavailable)?
    } else {
        Vec::new()
    };
    let mut faults = Vec::new();
    for (at, line) in body.lines.iter().enumerate() {
        let is_known = record
            .facts
            .iter()
            .flat_map(|facts| &facts.lines)
            .any(|known| known.id == line.line);
        if !is_known {
            faults.push(fault(
                at,
                "line",
                "line_unknown",
                record,
                line.line.as_str(),
                language,
            ));
        }
        if let Some(Some(id)) = &line.vat_tariff_id
            && !tariffs
                .iter()
                .any(|tariff| tariff.id == *id && tariff.vat_inclusive)
        {
            faults.push(fault(
                at,
                "vat_tariff_id",
                "tariff_refused",
                record,
                id.as_str(),
                language,
            ));
        }
        if let Some(Some(id)) = &line.article_id {
            let article = clients.robaws.article(id).await.map_err(unavailable)?;
            if !article.is_some_and(|article| article.live) {
                faults.push(fault(
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
        Err(ApiError::refused("choice_refused").with_details(faults))
    }
}

fn fault(at: usize, field: &str, key: &str, record: &OrderRecord, value: &str, language: Language) -> Value {
    let arg = || Arg::from(value);
    let args = args([
        ("order", record.reference().into()),
        ("line", arg()),
        ("tariff", arg()),
        ("article", arg()),
    ]);
    json!({ "field": format!("lines[{at}].{field}"), "message": text::error(key, &args, language) })
}

fn apply(choices: &mut Vec<Choice>, line: &LineChoice, now: jiff::Timestamp) {
    let at = choices.iter().position(|choice| choice.line == line.line);
    let mut choice = match at {
        Some(at) => choices.remove(at),
        None => Choice {
            line: line.line.clone(),
            vat_tariff_id: None,
            article: None,
            at: now,
        },
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
