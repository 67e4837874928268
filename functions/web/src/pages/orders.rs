//! The pages of orders: the list, one order with the controls that solve its problems, and a month as a file.

pub mod act;
pub mod cards;
pub mod controls;
pub mod csv;
pub mod list;
pub mod month;
pub mod robaws;
pub mod show;
pub mod timeline;
pub mod words;

use super::answer::{Answer, PageError};
use super::visit::Visit;
use crate::handler::about_order;
use crate::request::{order_identifier, order_part};
use domain::ids::OrderIdentifier;
use http::Method;

/// Answers the requests below `/orders`.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    let identifier = |part: &str| -> Result<OrderIdentifier, PageError> {
        let identifier = order_identifier(part).map_err(|_| PageError::NotFound)?;
        about_order(&identifier);
        Ok(identifier)
    };
    match (&visit.request.method, path) {
        (&Method::GET, []) => list::answer(visit).await,
        (&Method::GET, ["month"]) => month::answer(visit).await,
        (&Method::GET, [order]) => show::answer(visit, &identifier(order)?, None).await,
        // A page that shows the faults of a form has the path of the form. Choosing another language asks for that path with GET.
        (&Method::GET, [order, "retry" | "settle" | "choose"]) => {
            Ok(visit.go(&path_of(&identifier(order)?), None))
        }
        (&Method::POST, [order, action @ ("retry" | "settle" | "choose")]) => {
            act::answer(visit, &identifier(order)?, action).await
        }
        _ => Err(PageError::NotFound),
    }
}

/// Path of an order's page, below the path of its connection.
pub fn path_of(identifier: &OrderIdentifier) -> String {
    format!("/orders/{}", order_part(identifier))
}
