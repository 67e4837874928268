//! The merchant's settings (object `settings` in `contracts/api.md`), and what planning needs to know of a connection.

use crate::ids::{ClientId, PaymentConditionId, RobawsCompanyId, StockLocationId, UserId, VatTariffId};
use crate::locale::Language;
use crate::rebuild::LedgerLoss;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Unit of the amounts in ProductFlow's orders. Cents are our assumption \[A:pf-order-amounts\]; a connection can set euros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum OrderAmounts {
    /// 1999 means € 19.99.
    #[default]
    Cents,
    /// 19.99 means € 19.99.
    Euros,
}

/// What the `price` of an order line means. The line total is our assumption \[A:pf-line-price\]; a connection can change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum LinePrice {
    /// Price of all pieces of the line together.
    #[default]
    Total,
    /// Price of one piece.
    Unit,
}

/// The words by which ProductFlow names each status of an order. The defaults hold for every connection; a connection can
/// add words of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatusWords {
    /// Words for an order that is registered and not shipped yet.
    pub open: Vec<String>,
    /// Words for an order that is shipped as a whole.
    pub shipped: Vec<String>,
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
    /// The words of this connection together with the default words, each word once.
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

    /// The first word that stands in the lists of two statuses, default words included. `None` when every word is unambiguous.
    pub fn find_ambiguous_word(&self) -> Option<String> {
        let all = self.with_defaults();
        let repeated =
            |word: &&String, lists: [&Vec<String>; 2]| lists.iter().any(|list| list.contains(word));
        all.open
            .iter()
            .find(|w| repeated(w, [&all.shipped, &all.cancelled]))
            .or_else(|| all.shipped.iter().find(|w| repeated(w, [&all.open, &all.cancelled])))
            .cloned()
    }
}

/// The settings of one connection, with the defaults that `contracts/api.md` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionSettings {
    /// The Robaws client on every invoice. Required for activation.
    pub b2c_client_id: Option<ClientId>,
    /// The stock location that goods leave from. Required for activation.
    pub stock_location_id: Option<StockLocationId>,
    /// Whether offers in ProductFlow carry a sale price.
    pub send_sale_price: bool,
    /// Whether an invoice is booked after its check. When false, invoices stay drafts.
    pub book_invoices: bool,
    /// Locale, for example `nl`, under which titles and descriptions are sent to ProductFlow.
    pub product_language: String,
    /// The Robaws user who gets a task for each notification. `None`: no tasks are made.
    pub task_user_id: Option<UserId>,
    /// The Robaws company that invoices. Needed only in a tenant with several companies.
    pub robaws_company_id: Option<RobawsCompanyId>,
    pub payment_condition_id: Option<PaymentConditionId>,
    /// VAT tariff of all costs on invoices. `None`: costs are split over the VAT tariffs of the goods.
    pub costs_vat_tariff_id: Option<VatTariffId>,
    /// VAT tariff that decides on the sale price of articles that have no VAT tariff of their own.
    pub sale_price_vat_tariff_id: Option<VatTariffId>,
    /// Stock location of the goods that the marketplace ships from its own warehouse (`fbm`). `None`: their lines move no stock.
    pub fbm_stock_location_id: Option<StockLocationId>,
    pub order_amounts: OrderAmounts,
    pub line_price: LinePrice,
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

/// What planning needs to know of a connection: its settings, its go-live, and whether its ledger was ever lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Language of the lines and remarks that we write on an invoice.
    pub language: Language,
    /// Orders that were placed before this moment are never touched. An order placed exactly at this moment is processed.
    pub go_live: Timestamp,
    pub connection: ConnectionSettings,
    /// Set when the connection's ledger was lost and rebuilt.
    pub ledger_loss: Option<LedgerLoss>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_two_lists_is_found() {
        let mut words = StatusWords::default();
        assert_eq!(words.find_ambiguous_word(), None);
        words.shipped = vec!["sent".to_owned()];
        assert_eq!(words.find_ambiguous_word(), None);
        words.cancelled = vec!["sent".to_owned()];
        assert_eq!(words.find_ambiguous_word().as_deref(), Some("sent"));
        let words = StatusWords { cancelled: vec!["open".to_owned()], ..StatusWords::default() };
        assert_eq!(words.find_ambiguous_word().as_deref(), Some("open"));
    }

    #[test]
    fn defaults_hold_beside_added_words() {
        let words = StatusWords { open: vec!["new".to_owned()], shipped: vec![], cancelled: vec![] };
        assert_eq!(words.with_defaults().open, ["open", "accepted", "new"]);
        assert_eq!(words.with_defaults().shipped, ["shipped"]);
    }
}
