//! The question whether amounts are read in the right unit. Only the merchant can tell, by an order that they see in ProductFlow.

use super::super::answer::{Answer, PageError};
use super::super::layout::Layout;
use super::super::told::short;
use super::super::visit::{Visit, with_query};
use crate::connections;
use crate::preview::newest::Planned;
use domain::money::Cents;
use domain::order::{Order, OrderStatus};
use domain::settings::{ConnectionSettings, LinePrice, OrderAmounts};
use jiff::Timestamp;
use serde_json::json;

/// Longest name of an order shown, in characters.
const LONGEST: usize = 60;
/// Longest identifier that is taken back from a form, in bytes.
const LONGEST_IDENTIFIER: usize = 200;

/// The question about one order.
pub(super) struct Question {
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
    pub(super) others: Vec<Units>,
    /// The orders that can be asked about: identifier, reference, and whether it is this one.
    pub(super) choices: Vec<(String, String, bool)>,
}

/// A way to read amounts, and the total of the order when it is read so.
pub(super) struct Units {
    pub(super) order_amounts: &'static str,
    pub(super) line_price: &'static str,
    pub(super) amounts_words: &'static str,
    pub(super) price_words: &'static str,
    pub(super) total: Option<String>,
}

/// The merchant's answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Yes,
    Amounts,
    Quantity,
}

const SAID: [(Said, &str, &str); 3] = [
    (Said::Yes, "yes", "preview.answer_yes"),
    (Said::Amounts, "amounts", "preview.answer_amounts"),
    (Said::Quantity, "quantity", "preview.answer_quantity"),
];

fn total(order: &Order) -> Option<Cents> {
    order.total.or_else(|| order.computed_total())
}

fn read_as(order: &Planned, settings: &ConnectionSettings) -> Option<Cents> {
    let read = productflow::read(&order.raw, settings).ok()?;
    total(&read)
}

/// The settings with every other way to read amounts, the likeliest first.
fn other_units(settings: &ConnectionSettings, said: Option<Said>) -> Vec<ConnectionSettings> {
    let amounts = match settings.order_amounts {
        OrderAmounts::Cents => OrderAmounts::Euros,
        OrderAmounts::Euros => OrderAmounts::Cents,
    };
    let price = match settings.line_price {
        LinePrice::Total => LinePrice::Unit,
        LinePrice::Unit => LinePrice::Total,
    };
    let with = |order_amounts, line_price| ConnectionSettings {
        order_amounts,
        line_price,
        ..settings.clone()
    };
    let other_amounts = with(amounts, settings.line_price);
    let other_price = with(settings.order_amounts, price);
    let both = with(amounts, price);
    if said == Some(Said::Quantity) {
        vec![other_price, both, other_amounts]
    } else {
        vec![other_amounts, both, other_price]
    }
}

impl Question {
    /// The question about the order that was picked, else about the newest order that can be read.
    pub(super) fn of(
        visit: &Visit<'_>,
        page: &Layout,
        orders: &[Planned],
        start: Option<Timestamp>,
    ) -> Option<Self> {
        let settings = &visit.item.connection.settings;
        let picked = visit.request.parameter("order");
        let is_readable = |order: &&Planned| {
            let read = order.read.as_ref().ok();
            read.is_some_and(|read| read.status != OrderStatus::Cancelled)
        };
        let readable: Vec<&Planned> = orders.iter().filter(is_readable).collect();
        let is_picked = |order: &&&Planned| Some(order.identifier.as_str()) == picked;
        let chosen = readable.iter().find(is_picked).or(readable.first());
        let Some(order) = chosen else {
            return Self::unreadable(page, orders, settings);
        };
        let said = visit.request.parameter("answer");
        let said = SAID
            .iter()
            .find(|(_, word, _)| Some(*word) == said)
            .map(|(said, ..)| *said);
        let identifier = order.identifier.to_string();
        let answers = SAID.iter().map(|(answer, word, key)| {
            let parameters = [
                ("go_live", start.map(|start| start.to_string())),
                ("order", Some(identifier.clone())),
                ("answer", Some((*word).to_owned())),
            ];
            let path = with_query(&visit.path("/preview"), &parameters);
            (format!("{path}#question"), page.t(key), said == Some(*answer))
        });
        let name = short(&order.reference(), LONGEST);
        let amount = order.read.as_ref().ok().and_then(total);
        let amount = amount.map_or_else(String::new, |total| page.amount(total));
        let others = match said {
            None | Some(Said::Yes) => Vec::new(),
            Some(_) => units(page, order, settings, said),
        };
        Some(Self {
            asked: Some(page.f(
                "preview.question",
                &[("order", name.as_str()), ("total", amount.as_str())],
            )),
            answers: answers.collect(),
            is_right: said == Some(Said::Yes),
            others,
            choices: readable
                .iter()
                .map(|other| {
                    let is_this = other.identifier == order.identifier;
                    (
                        other.identifier.to_string(),
                        short(&other.reference(), LONGEST),
                        is_this,
                    )
                })
                .collect(),
            order: name,
            identifier,
        })
    }

    /// When no order can be read, the unit is the likely reason: offers the units in which the newest order can be read.
    fn unreadable(page: &Layout, orders: &[Planned], settings: &ConnectionSettings) -> Option<Self> {
        let others = other_units(settings, None);
        let is_readable_otherwise = |order: &&Planned| {
            order.read.is_err() && others.iter().any(|units| read_as(order, units).is_some())
        };
        let order = orders.iter().find(is_readable_otherwise)?;
        Some(Self {
            order: short(&order.reference(), LONGEST),
            identifier: order.identifier.to_string(),
            asked: None,
            answers: Vec::new(),
            is_right: false,
            others: units(page, order, settings, None),
            choices: Vec::new(),
        })
    }
}

fn units(page: &Layout, order: &Planned, settings: &ConnectionSettings, said: Option<Said>) -> Vec<Units> {
    let shown = |other: &ConnectionSettings| {
        let (order_amounts, amounts) = match other.order_amounts {
            OrderAmounts::Cents => ("cents", "preview.amounts_cents"),
            OrderAmounts::Euros => ("euros", "preview.amounts_euros"),
        };
        let (line_price, price) = match other.line_price {
            LinePrice::Total => ("total", "preview.price_total"),
            LinePrice::Unit => ("unit", "preview.price_unit"),
        };
        Units {
            order_amounts,
            line_price,
            amounts_words: page.t(amounts),
            price_words: page.t(price),
            total: read_as(order, other).map(|total| page.amount(total)),
        }
    };
    other_units(settings, said).iter().map(shown).collect()
}

/// `POST …/preview/units`: stores a way to read amounts, through the API.
pub(super) async fn store(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    let change = json!({ "settings": {
        "order_amounts": form.value("order_amounts").unwrap_or_default(),
        "line_price": form.value("line_price").unwrap_or_default(),
    } });
    let request = visit.request.of_page(&change);
    connections::change(visit.deps, &request, visit.item.clone()).await?;
    let go_live = form
        .value("go_live")
        .filter(|text| text.parse::<Timestamp>().is_ok());
    let order = form
        .typed("order")
        .filter(|order| order.len() <= LONGEST_IDENTIFIER);
    let parameters = [
        ("go_live", go_live.map(str::to_owned)),
        ("order", order.map(str::to_owned)),
    ];
    Ok(visit.go(&with_query("/preview", &parameters), Some("units")))
}
