//! What the merchant set: the `settings` object of contract api.md, and the values `plan` needs beside it.

use crate::ids::{ClientId, PaymentConditionId, RobawsCompanyId, StockLocationId, UserId, VatTariffId};
use crate::rebuild::Lost;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Language of notifications, explanations and invoice lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Dutch, the manual's.
    #[default]
    Nl,
}

/// Unit in which ProductFlow gives amounts of orders (cents \[A:pf-order-amounts\], settable in case that is wrong).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum OrderAmounts {
    /// 1999 is € 19.99.
    #[default]
    Cents,
    /// 19.99 is € 19.99.
    Euros,
}

/// What the `price` of an order line is (the line total \[A:pf-line-price\]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum LinePrice {
    /// The total of the line.
    #[default]
    Total,
    /// The price of one piece.
    Unit,
}

/// ProductFlow's words for each status. The defaults always hold; a connection adds to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatusWords {
    /// Registered, not shipped.
    pub open: Vec<String>,
    /// Shipped.
    pub shipped: Vec<String>,
    /// Cancelled.
    pub cancelled: Vec<String>,
}

impl Default for StatusWords {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        Self {
            open: words(&["open", "accepted"]),
            shipped: words(&["shipped"]),
            cancelled: words(&["cancelled", "canceled"]),
        }
    }
}

impl StatusWords {
    /// These words and the defaults, each once.
    pub fn with_defaults(&self) -> Self {
        let merge = |mut base: Vec<String>, more: &[String]| {
            for word in more {
                if !base.contains(word) {
                    base.push(word.clone());
                }
            }
            base
        };
        let base = Self::default();
        Self {
            open: merge(base.open, &self.open),
            shipped: merge(base.shipped, &self.shipped),
            cancelled: merge(base.cancelled, &self.cancelled),
        }
    }

    /// A word that stands in two lists, defaults included.
    pub fn ambiguous_word(&self) -> Option<String> {
        let all = self.with_defaults();
        let repeated =
            |word: &&String, lists: [&Vec<String>; 2]| lists.iter().any(|list| list.contains(word));
        all.open
            .iter()
            .find(|w| repeated(w, [&all.shipped, &all.cancelled]))
            .or_else(|| {
                all.shipped
                    .iter()
                    .find(|w| repeated(w, [&all.open, &all.cancelled]))
            })
            .cloned()
    }
}

/// The `settings` of a connection (contract api.md), with the defaults it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionSettings {
    /// The client on every invoice. Needed for activation.
    pub b2c_client_id: Option<ClientId>,
    /// Where the stock of every order is taken from. Needed for activation.
    pub stock_location_id: Option<StockLocationId>,
    /// Whether offers carry the sale price.
    pub send_sale_price: bool,
    /// Book invoices at once, or leave them as drafts.
    pub book_invoices: bool,
    /// Locale under which names and descriptions go out.
    pub product_language: String,
    /// Who gets a Robaws task for every notification.
    pub task_user_id: Option<UserId>,
    /// The company in Robaws that invoices, when there are several.
    pub robaws_company_id: Option<RobawsCompanyId>,
    /// Payment condition on the invoice.
    pub payment_condition_id: Option<PaymentConditionId>,
    /// Fixed VAT tariff for costs; empty: they follow the goods.
    pub costs_vat_tariff_id: Option<VatTariffId>,
    /// VAT tariff for sale prices of articles without one of their own.
    pub sale_price_vat_tariff_id: Option<VatTariffId>,
    /// Where stock at the marketplace's warehouse is kept; empty: such lines move no stock.
    pub fbm_stock_location_id: Option<StockLocationId>,
    /// Unit of order amounts.
    pub order_amounts: OrderAmounts,
    /// Meaning of a line's price.
    pub line_price: LinePrice,
    /// ProductFlow's words for each status.
    pub status_words: StatusWords,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            b2c_client_id: None,
            stock_location_id: None,
            send_sale_price: false,
            book_invoices: false,
            product_language: "nl".to_owned(),
            task_user_id: None,
            robaws_company_id: None,
            payment_condition_id: None,
            costs_vat_tariff_id: None,
            sale_price_vat_tariff_id: None,
            fbm_stock_location_id: None,
            order_amounts: OrderAmounts::default(),
            line_price: LinePrice::default(),
            status_words: StatusWords::default(),
        }
    }
}

/// What [`crate::plan::plan`] needs to know of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Language of the lines we name ourselves on an invoice.
    pub language: Language,
    /// Orders placed before this moment are never touched.
    pub go_live: Timestamp,
    /// The merchant's settings.
    pub connection: ConnectionSettings,
    /// Set when the connection's ledger was lost once and rebuilt.
    pub lost: Option<Lost>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_two_lists_is_found() {
        let mut words = StatusWords::default();
        assert_eq!(words.ambiguous_word(), None);
        words.shipped = vec!["sent".to_owned()];
        assert_eq!(words.ambiguous_word(), None);
        words.cancelled = vec!["sent".to_owned()];
        assert_eq!(words.ambiguous_word().as_deref(), Some("sent"));
        let words = StatusWords {
            cancelled: vec!["open".to_owned()],
            ..StatusWords::default()
        };
        assert_eq!(words.ambiguous_word().as_deref(), Some("open"));
    }

    #[test]
    fn defaults_hold_beside_added_words() {
        let words = StatusWords {
            open: vec!["new".to_owned()],
            shipped: vec![],
            cancelled: vec![],
        };
        assert_eq!(words.with_defaults().open, ["open", "accepted", "new"]);
        assert_eq!(words.with_defaults().shipped, ["shipped"]);
    }
}
