//! The pages of orders: the list, one order with the controls that solve its problems, and a month as a file.

pub mod csv_file;
pub mod month_file;
pub mod order_controls;
pub mod order_forms;
pub mod order_list;
pub mod order_page;
pub mod order_timeline;
pub mod order_words;
pub mod problem_cards;
pub mod robaws_answers;

use super::answer::{Answer, PageError};
use super::visit::Visit;
use crate::handler::name_order_in_logs;
use crate::request::{decode_order_identifier, encode_order_identifier};
use domain::ids::OrderIdentifier;
use http::Method;

/// Answers the requests below `/orders`.
pub async fn route_order_pages(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    let identifier = |part: &str| -> Result<OrderIdentifier, PageError> {
        let identifier = decode_order_identifier(part).map_err(|_| PageError::NotFound)?;
        name_order_in_logs(&identifier);
        Ok(identifier)
    };
    match (&visit.request.method, path) {
        (&Method::GET, []) => order_list::show_orders_page(visit).await,
        (&Method::GET, ["month"]) => month_file::download_month_file(visit).await,
        (&Method::GET, [order]) => order_page::show_order_page(visit, &identifier(order)?, None).await,
        // A page that shows the faults of a form has the path of the form. Choosing another language asks for that path with GET.
        (&Method::GET, [order, "retry" | "settle" | "choose"]) => {
            Ok(visit.redirect_to(&order_path(&identifier(order)?), None))
        }
        (&Method::POST, [order, action @ ("retry" | "settle" | "choose")]) => {
            order_forms::take_order_form(visit, &identifier(order)?, action).await
        }
        _ => Err(PageError::NotFound),
    }
}

/// Path of an order's page, below the path of its connection.
pub fn order_path(identifier: &OrderIdentifier) -> String {
    format!("/orders/{}", encode_order_identifier(identifier))
}
