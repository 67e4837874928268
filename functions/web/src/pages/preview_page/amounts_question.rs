//! The question whether amounts are read in the right unit. Only the merchant can tell, by an order that they see in ProductFlow.

use super::super::answer::{Answer, PageError};
use super::super::layout::Layout;
use super::super::problem_words::shorten_to;
use super::super::visit::{Visit, with_query};
use crate::connections_api;
use crate::preview::newest_orders::PlannedOrder;
use domain::money::Cents;
use domain::order::{Order, OrderStatus};
use domain::settings::{ConnectionSettings, LinePrice, OrderAmounts};
use jiff::Timestamp;
use serde_json::json;

/// Longest name of an order shown, in characters.
const LONGEST_NAME: usize = 60;
/// Longest identifier that is taken back from a form, in bytes.
const LONGEST_IDENTIFIER: usize = 200;

/// The question about one order.
pub(super) struct AmountsQuestion {
    /// The order's reference, shortened.
    pub(super) order: String,
    /// ProductFlow's identifier of the order, for the forms.
    pub(super) identifier: String,
    /// The text of the question; `None` when no order can be read with the present settings.
    pub(super) asked: Option<String>,
    /// The answers: path, text, and whether this answer was given.
    pub(super) answers: Vec<(String, &'static str, bool)>,
    /// Whether the answer was yes.
    pub(super) is_right: bool,
    /// The other ways to read amounts, when the answer was no.
    pub(super) others: Vec<AmountUnits>,
    /// The orders that can be asked about: identifier, reference, and whether it is this one.
    pub(super) choices: Vec<(String, String, bool)>,
}

/// A way to read amounts, and the total of the order when it is read so.
pub(super) struct AmountUnits {
    pub(super) order_amounts: &'static str,
    pub(super) line_price: &'static str,
    pub(super) amounts_words: &'static str,
    pub(super) price_words: &'static str,
    pub(super) total: Option<String>,
}

/// The merchant's answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AmountsAnswer {
    Yes,
    Amounts,
    Quantity,
}

const AMOUNTS_ANSWERS: [(AmountsAnswer, &str, &str); 3] = [
    (AmountsAnswer::Yes, "yes", "preview.answer_yes"),
    (AmountsAnswer::Amounts, "amounts", "preview.answer_amounts"),
    (AmountsAnswer::Quantity, "quantity", "preview.answer_quantity"),
];

fn order_total(order: &Order) -> Option<Cents> {
    order.total.or_else(|| order.compute_total())
}

fn total_read_as(order: &PlannedOrder, settings: &ConnectionSettings) -> Option<Cents> {
    let read = productflow::parse_order(&order.raw, settings).ok()?;
    order_total(&read)
}

/// The settings with every other way to read amounts, the likeliest first.
fn other_units(settings: &ConnectionSettings, said: Option<AmountsAnswer>) -> Vec<ConnectionSettings> {
    let amounts = match settings.order_amounts {
        OrderAmounts::Cents => OrderAmounts::Euros,
        OrderAmounts::Euros => OrderAmounts::Cents,
    };
    let price = match settings.line_price {
        LinePrice::Total => LinePrice::Unit,
        LinePrice::Unit => LinePrice::Total,
    };
    let with =
        |order_amounts, line_price| ConnectionSettings { order_amounts, line_price, ..settings.clone() };
    let other_amounts = with(amounts, settings.line_price);
    let other_price = with(settings.order_amounts, price);
    let both = with(amounts, price);
    if said == Some(AmountsAnswer::Quantity) {
        vec![other_price, both, other_amounts]
    } else {
        vec![other_amounts, both, other_price]
    }
}

impl AmountsQuestion {
    /// The question about the order that was picked, else about the newest order that can be read.
    pub(super) fn for_orders(
        visit: &Visit<'_>,
        page: &Layout,
        orders: &[PlannedOrder],
        start: Option<Timestamp>,
    ) -> Option<Self> {
        let settings = &visit.item.connection.settings;
        let picked = visit.request.query_parameter("order");
        let is_readable = |order: &&PlannedOrder| {
            let read = order.read.as_ref().ok();
            read.is_some_and(|read| read.status != OrderStatus::Cancelled)
        };
        let readable: Vec<&PlannedOrder> = orders.iter().filter(is_readable).collect();
        let is_picked = |order: &&&PlannedOrder| Some(order.identifier.as_str()) == picked;
        let chosen = readable.iter().find(is_picked).or(readable.first());
        let Some(order) = chosen else {
            return Self::for_unreadable_orders(page, orders, settings);
        };
        let said = visit.request.query_parameter("answer");
        let said = AMOUNTS_ANSWERS.iter().find(|(_, word, _)| Some(*word) == said).map(|(said, ..)| *said);
        let identifier = order.identifier.to_string();
        let answers = AMOUNTS_ANSWERS.iter().map(|(answer, word, key)| {
            let parameters = [
                ("go_live", start.map(|start| start.to_string())),
                ("order", Some(identifier.clone())),
                ("answer", Some((*word).to_owned())),
            ];
            let path = with_query(&visit.connection_path("/preview"), &parameters);
            (format!("{path}#question"), page.text_for(key), said == Some(*answer))
        });
        let name = shorten_to(&order.reference(), LONGEST_NAME);
        let amount = order.read.as_ref().ok().and_then(order_total);
        let amount = amount.map_or_else(String::new, |total| page.format_amount(total));
        let others = match said {
            None | Some(AmountsAnswer::Yes) => Vec::new(),
            Some(_) => render_other_units(page, order, settings, said),
        };
        Some(Self {
            asked: Some(
                page.fill_text("preview.question", &[("order", name.as_str()), ("total", amount.as_str())]),
            ),
            answers: answers.collect(),
            is_right: said == Some(AmountsAnswer::Yes),
            others,
            choices: readable
                .iter()
                .map(|other| {
                    let is_this = other.identifier == order.identifier;
                    (other.identifier.to_string(), shorten_to(&other.reference(), LONGEST_NAME), is_this)
                })
                .collect(),
            order: name,
            identifier,
        })
    }

    /// When no order can be read, the unit is the likely reason: offers the units in which the newest order can be read.
    fn for_unreadable_orders(
        page: &Layout,
        orders: &[PlannedOrder],
        settings: &ConnectionSettings,
    ) -> Option<Self> {
        let others = other_units(settings, None);
        let is_readable_otherwise = |order: &&PlannedOrder| {
            order.read.is_err() && others.iter().any(|units| total_read_as(order, units).is_some())
        };
        let order = orders.iter().find(is_readable_otherwise)?;
        Some(Self {
            order: shorten_to(&order.reference(), LONGEST_NAME),
            identifier: order.identifier.to_string(),
            asked: None,
            answers: Vec::new(),
            is_right: false,
            others: render_other_units(page, order, settings, None),
            choices: Vec::new(),
        })
    }
}

fn render_other_units(
    page: &Layout,
    order: &PlannedOrder,
    settings: &ConnectionSettings,
    said: Option<AmountsAnswer>,
) -> Vec<AmountUnits> {
    let shown = |other: &ConnectionSettings| {
        let (order_amounts, amounts) = match other.order_amounts {
            OrderAmounts::Cents => ("cents", "preview.amounts_cents"),
            OrderAmounts::Euros => ("euros", "preview.amounts_euros"),
        };
        let (line_price, price) = match other.line_price {
            LinePrice::Total => ("total", "preview.price_total"),
            LinePrice::Unit => ("unit", "preview.price_unit"),
        };
        AmountUnits {
            order_amounts,
            line_price,
            amounts_words: page.text_for(amounts),
            price_words: page.text_for(price),
            total: total_read_as(order, other).map(|total| page.format_amount(total)),
        }
    };
    other_units(settings, said).iter().map(shown).collect()
}

/// `POST …/preview/units`: stores a way to read amounts, through the API.
pub(super) async fn take_units_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let change = json!({ "settings": {
        "order_amounts": form.field_value("order_amounts").unwrap_or_default(),
        "line_price": form.field_value("line_price").unwrap_or_default(),
    } });
    let request = visit.request.to_api_request(&change);
    connections_api::change_connection(visit.deps, &request, visit.item.clone()).await?;
    let go_live = form.field_value("go_live").filter(|text| text.parse::<Timestamp>().is_ok());
    let order = form.field_as_typed("order").filter(|order| order.len() <= LONGEST_IDENTIFIER);
    let parameters = [("go_live", go_live.map(str::to_owned)), ("order", order.map(str::to_owned))];
    Ok(visit.redirect_to(&with_query("/preview", &parameters), Some("units")))
}
