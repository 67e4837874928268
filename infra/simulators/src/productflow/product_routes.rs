//! Answers calls of `product/{sku}` and `product/{sku}/offer`. Only the doctor reads them; what a reading shows is a guess.

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::json;

use super::form::{self, Errors, message_reply};
use super::state::CompanyState;
use crate::traffic::{Reply, Request, ViolationKind};

/// The price names of the contract and of ProductFlow's own documentation.
const PRICES: [&str; 5] =
    ["cost_price", "sell_price", "base_price", "suggested_retail_price", "purchase_price"];

/// Mistakes of the client that are answered as if they were none, but are recorded.
pub(crate) type Notes = Vec<(ViolationKind, String)>;

pub(crate) fn answer_product_call(
    company: &mut CompanyState,
    request: &Request,
    rest: &[&str],
    notes: &mut Notes,
) -> Result<Reply, Box<Reply>> {
    match (&request.method, rest) {
        (&Method::GET, [sku]) if !sku.is_empty() => render_product(company, request, sku),
        (&Method::GET, [sku, "offer"]) => render_offer(company, sku),
        (&Method::POST, [sku]) if !sku.is_empty() => write_product(company, request, sku, notes),
        (&Method::POST, [sku, "offer"]) => write_offer(company, request, sku, notes),
        (&Method::DELETE, [sku, "offer"]) => withdraw_offer(company, sku),
        (_, [_] | [_, "offer"]) => {
            let message = "The method is not supported for this route.";
            Err(Box::new(message_reply(StatusCode::METHOD_NOT_ALLOWED, message)))
        }
        _ => Err(Box::new(message_reply(StatusCode::NOT_FOUND, ""))),
    }
}

/// Answers the product in the language that is asked for, or in any when there is none in that language.
fn render_product(company: &CompanyState, request: &Request, sku: &str) -> Result<Reply, Box<Reply>> {
    let product = company.products.get(sku).ok_or_else(refuse_unknown_product)?;
    let language = request.header("accept-language").unwrap_or_default();
    let texts = product.texts.get(language).or_else(|| product.texts.values().next());
    let mut row = json!(texts);
    row["sku"] = json!(sku);
    Ok(Reply::json(StatusCode::OK, &json!({"data": row})))
}

fn render_offer(company: &CompanyState, sku: &str) -> Result<Reply, Box<Reply>> {
    let product = company.products.get(sku).ok_or_else(refuse_unknown_product)?;
    let offer = product.offer.as_ref().ok_or_else(refuse_unknown_offer)?;
    let mut row = json!(offer);
    row["qty_sellable"] = json!(offer.qty_available);
    Ok(Reply::json(StatusCode::OK, &json!({"data": row})))
}

fn refuse_unknown_offer() -> Box<Reply> {
    Box::new(message_reply(StatusCode::NOT_FOUND, "No query results for model [Offer]."))
}

fn reply_to_write(company: &CompanyState, created: bool, sku: &str) -> Reply {
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    if company.settings.empty_write_bodies {
        return Reply::without_body(status);
    }
    Reply::json(status, &json!({"data": {"sku": sku}}))
}

fn refuse_unknown_product() -> Box<Reply> {
    Box::new(message_reply(StatusCode::NOT_FOUND, "No query results for model [Product]."))
}

fn write_product(
    company: &mut CompanyState,
    request: &Request,
    sku: &str,
    notes: &mut Notes,
) -> Result<Reply, Box<Reply>> {
    let form = form::parse_form(request)?;
    let language = request.header("accept-language").unwrap_or_default().to_owned();
    let mut errors = Errors::default();
    if language.is_empty() {
        notes.push((ViolationKind::MissingHeader, "Accept-Language".to_owned()));
        errors.add_error("Accept-Language", "The header is required.");
    }
    let created = !company.products.contains_key(sku);
    let title = form.get(["title".to_owned()].as_slice());
    if title.is_none_or(|title| title.trim().is_empty()) {
        errors.add_error("title", "The title field is required.");
    }
    errors.refuse_if_any()?;
    let texts = company.products.entry(sku.to_owned()).or_default().texts.entry(language).or_default();
    for (key, value) in form {
        let name = key.join(".");
        if name == "title" || name == "description" {
            texts.insert(name, value);
        } else {
            notes.push((ViolationKind::UnknownField, name));
        }
    }
    Ok(reply_to_write(company, created, sku))
}

fn write_offer(
    company: &mut CompanyState,
    request: &Request,
    sku: &str,
    notes: &mut Notes,
) -> Result<Reply, Box<Reply>> {
    let form = form::parse_form(request)?;
    let merges = company.settings.offer_merges;
    let product = company.products.get_mut(sku).ok_or_else(refuse_unknown_product)?;
    let created = product.offer.is_none();
    let mut offer = product.offer.clone().filter(|_| merges).unwrap_or_default();
    let mut errors = Errors::default();
    let (mut titled, mut counted) = (!offer.title.is_empty(), merges && !created);
    for (key, value) in form {
        let name = key.join(".");
        match key.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["title"] => {
                titled = !value.trim().is_empty();
                offer.title = value;
            }
            ["qty_available"] => {
                counted = true;
                match value.parse::<i64>() {
                    Ok(pieces) if pieces >= 0 && is_digits(&value) => offer.qty_available = pieces,
                    _ => errors.add_error(&name, "The qty available must be an integer of at least 0."),
                }
            }
            ["prices", currency, price] if PRICES.contains(price) => {
                if !is_currency(currency) {
                    errors.add_error(&name, "The currency is invalid.");
                } else if !is_price(&value) {
                    errors.add_error(&name, "The price must be a number greater than 0.");
                } else {
                    let prices = offer.prices.entry((*currency).to_owned()).or_default();
                    prices.insert((*price).to_owned(), value);
                }
            }
            ["prices", ..] => errors.add_error(&name, "The price is invalid."),
            _ => notes.push((ViolationKind::UnknownField, name)),
        }
    }
    if !titled {
        errors.add_error("title", "The title field is required.");
    }
    if !counted {
        errors.add_error("qty_available", "The qty available field is required.");
    }
    errors.refuse_if_any()?;
    product.offer = Some(offer);
    Ok(reply_to_write(company, created, sku))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A decimal with a point, above zero: `4.50`.
fn is_price(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = is_digits(whole) && is_digits(fraction);
    plain && text.parse::<Decimal>().is_ok_and(|price| price > Decimal::ZERO)
}

fn withdraw_offer(company: &mut CompanyState, sku: &str) -> Result<Reply, Box<Reply>> {
    let product = company.products.get_mut(sku).ok_or_else(refuse_unknown_product)?;
    if product.offer.take().is_none() {
        return Err(refuse_unknown_offer());
    }
    Ok(Reply::without_body(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::is_price;

    #[test]
    fn prices_are_decimals_above_zero() {
        for good in ["4.50", "4", "0.0001", "12.3456"] {
            assert!(is_price(good), "{good}");
        }
        for bad in ["", "0", "0.00", "-1", "4,50", "1e3", ".5", "5.", " 4", "+4", "4.5.0", "NaN"] {
            assert!(!is_price(bad), "{bad}");
        }
    }
}
