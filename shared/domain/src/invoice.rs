//! The sales invoice of an order. It is built as a whole from the order, its VAT tariffs and its articles, and then frozen.

use crate::catalogue::VatTariff;
use crate::ids::{
    ArticleId, ClientId, LineId, OrderIdentifier, PaymentConditionId, RobawsCompanyId, Sku, VatTariffId,
};
use crate::ledger::DraftReason;
use crate::locale::Language;
use crate::money::{Cents, split_by_weight, split_line_total};
use crate::order::{BusinessBuyer, Costs};
use crate::text;
use jiff::{
    Timestamp,
    civil::Date,
    tz::{self, TimeZone},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Time zone whose days are the days of the bookkeeping. It is compiled in, because a Lambda function has no zone files.
pub static BOOKKEEPING_ZONE: TimeZone = tz::get!("Europe/Brussels");

/// Kind of a sales document in Robaws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    Invoice,
    /// A credit note. Its amounts are positive, as on an invoice.
    CreditNote,
}

/// One line of an invoice or credit note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The Robaws article. `None` for costs, for the discount, and for lines that the merchant chose to invoice without one.
    pub article_id: Option<ArticleId>,
    /// The text of the line on the invoice.
    pub description: String,
    /// Pieces. The discount has quantity −1 at a positive price, because e-invoicing refuses negative prices.
    pub quantity: i64,
    /// Price of one piece, VAT-inclusive, never below 0.
    pub price: Cents,
    /// VAT tariff of the line. The tariff includes VAT.
    pub vat_tariff_id: VatTariffId,
}

impl InvoiceLine {
    /// Quantity times price, VAT-inclusive.
    pub fn total(&self) -> Cents {
        Cents(self.quantity.saturating_mul(self.price.0))
    }
}

/// An invoice that the order asks for. It has no date yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicePlan {
    /// The client for consumers, from the settings.
    pub client_id: ClientId,
    /// The Robaws company that invoices, in a tenant with several companies.
    pub company_id: Option<RobawsCompanyId>,
    pub payment_condition_id: Option<PaymentConditionId>,
    /// Reference of the order, for example `1083993841 (PF-100234)`.
    pub reference: String,
    pub identifier: OrderIdentifier,
    /// The marketplace's number of the order.
    pub external_identifier: Option<String>,
    /// Name of the marketplace.
    pub marketplace: Option<String>,
    /// ISO 3166 code of the country that the order was shipped to.
    pub country: Option<String>,
    /// Set when the buyer is a business.
    pub business: Option<BusinessBuyer>,
    /// When the order was shipped, by ProductFlow. Otherwise when it was first seen shipped.
    pub shipped_at: Option<Timestamp>,
    /// Lines of the goods, then of the costs, then of the discount.
    pub lines: Vec<InvoiceLine>,
    /// Sum of the lines, VAT-inclusive.
    pub total: Cents,
    /// Whether the settings ask to book invoices.
    pub book: bool,
    pub language: Language,
}

/// The header of an invoice with its date: the body of the first call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceHeader {
    pub client_id: ClientId,
    /// The Robaws company that invoices, in a tenant with several companies.
    pub company_id: Option<RobawsCompanyId>,
    pub payment_condition_id: Option<PaymentConditionId>,
    pub date: Date,
    /// Reference of the order, for example `1083993841 (PF-100234)`.
    pub reference: String,
    /// A text for people: marketplace, shipping day and country, for a business also company name and VAT number.
    pub remark: String,
}

/// An invoice or credit note that is made exactly like this, whatever happens to the order meanwhile. It is stored in an item
/// of its own before its header is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenDocument {
    /// Number of its row in the ledger.
    pub row: u32,
    pub client_id: ClientId,
    /// The Robaws company that invoices, in a tenant with several companies.
    pub company_id: Option<RobawsCompanyId>,
    pub payment_condition_id: Option<PaymentConditionId>,
    /// The exact body of the call for each line, in the order of `lines`.
    pub line_bodies: Vec<String>,
    /// The lines, to be compared with the lines that Robaws shows.
    pub lines: Vec<InvoiceLine>,
    /// The total that Robaws must show, VAT-inclusive.
    pub total: Cents,
    pub date: Date,
    /// Whether the document is booked after its check.
    pub book: bool,
    /// Why the document stays a draft although the settings ask to book invoices.
    pub kept_draft: Option<DraftReason>,
}

impl FrozenDocument {
    /// Number of all steps: the header, each line, the check and, if it is to be booked, the booking.
    pub fn step_count(&self) -> u32 {
        self.check_step() + u32::from(self.book)
    }

    /// Number of the step that is the check. The check comes after the header and every line.
    pub fn check_step(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX - 2).saturating_add(2)
    }
}

/// An order line whose article and VAT tariff are known: the input of an invoice line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodsLine {
    /// ProductFlow's id of the order line.
    pub line: LineId,
    /// SKU of the order line, shown to people only.
    pub sku: Option<Sku>,
    pub title: String,
    /// Pieces, at least 1.
    pub quantity: u32,
    /// Price of all pieces together, VAT-inclusive.
    pub price: Cents,
    /// The VAT tariff, which includes VAT.
    pub tariff: VatTariff,
    /// The Robaws article. `None` when the merchant chose to invoice the line without one.
    pub article_id: Option<ArticleId>,
}

/// Builds the lines of an invoice: the goods, then each kind of costs, then the discount.
///
/// Costs and discount are split over the VAT tariffs of the goods by the goods' value. Cents that are left go to the largest
/// remainders, of equal ones to the tariff with the higher percentage. When all goods cost 0, the tariff of the first line
/// takes them. `costs_tariff`, if set, takes all costs, but not the discount. An amount of 0 makes no line.
pub fn build_invoice_lines(
    goods: &[GoodsLine],
    costs: &Costs,
    costs_tariff: Option<&VatTariffId>,
    language: Language,
) -> Vec<InvoiceLine> {
    let mut lines: Vec<InvoiceLine> = goods.iter().flat_map(split_goods_line).collect();
    let shares = share_goods_by_tariff(goods);
    let named = [
        ("shipping_cost", costs.shipping),
        ("transaction_price", costs.transaction),
        ("additional_price", costs.additional),
    ];
    for (name, amount) in named {
        let split = match costs_tariff {
            Some(tariff) => vec![(tariff.clone(), amount)],
            None => split_over_tariffs(amount, &shares),
        };
        lines.extend(build_extra_lines(text::invoice_line_label(name, language), split, 1));
    }
    let discount = split_over_tariffs(costs.discount, &shares);
    lines.extend(build_extra_lines(text::invoice_line_label("discount_price", language), discount, -1));
    lines
}

fn split_goods_line(goods: &GoodsLine) -> Vec<InvoiceLine> {
    split_line_total(goods.price, goods.quantity)
        .into_iter()
        .map(|(quantity, price)| InvoiceLine {
            article_id: goods.article_id.clone(),
            description: goods.title.clone(),
            quantity: i64::from(quantity),
            price,
            vat_tariff_id: goods.tariff.id.clone(),
        })
        .collect()
}

/// Adds up the goods' value per VAT tariff. The tariff with the higher percentage comes first.
fn share_goods_by_tariff(goods: &[GoodsLine]) -> Vec<(VatTariffId, Cents)> {
    let mut values: BTreeMap<&VatTariffId, (Decimal, Cents)> = BTreeMap::new();
    for line in goods {
        let entry = values.entry(&line.tariff.id).or_insert((line.tariff.percentage, Cents::ZERO));
        entry.1 = Cents(entry.1.0.saturating_add(line.price.0));
    }
    if let Some(first) = goods.first()
        && values.values().all(|(_, value)| *value == Cents::ZERO)
    {
        return vec![(first.tariff.id.clone(), Cents::ZERO)];
    }
    let mut shares: Vec<_> = values.into_iter().map(|(id, (pct, value))| (pct, id.clone(), value)).collect();
    shares.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    shares.into_iter().map(|(_, id, value)| (id, value)).collect()
}

fn split_over_tariffs(amount: Cents, shares: &[(VatTariffId, Cents)]) -> Vec<(VatTariffId, Cents)> {
    let weights: Vec<Cents> = shares.iter().map(|(_, value)| *value).collect();
    let amounts = split_by_weight(amount, &weights);
    shares.iter().map(|(id, _)| id.clone()).zip(amounts).collect()
}

fn build_extra_lines(
    description: &str,
    split: Vec<(VatTariffId, Cents)>,
    quantity: i64,
) -> impl Iterator<Item = InvoiceLine> {
    split.into_iter().filter(|(_, amount)| *amount != Cents::ZERO).map(move |(vat_tariff_id, price)| {
        InvoiceLine { article_id: None, description: description.to_owned(), quantity, price, vat_tariff_id }
    })
}

/// The day of a moment in the zone of the bookkeeping.
pub fn bookkeeping_day(at: Timestamp) -> Date {
    BOOKKEEPING_ZONE.to_datetime(at).date()
}

impl InvoicePlan {
    /// Builds the header. The invoice is dated on the day of shipping, but never later than today. The second value says why the
    /// invoice must stay a draft.
    pub fn build_header(&self, now: Timestamp) -> (InvoiceHeader, Option<DraftReason>) {
        let today = bookkeeping_day(now);
        let date = self.shipped_at.map_or(today, bookkeeping_day).min(today);
        // The VAT period of an earlier month may be closed, so people decide on booking such an invoice.
        let earlier_month = (date.year(), date.month()) < (today.year(), today.month());
        let kept_draft = if self.business.is_some() {
            Some(DraftReason::Business)
        } else if earlier_month {
            Some(DraftReason::EarlierMonth)
        } else {
            None
        };
        let header = InvoiceHeader {
            client_id: self.client_id.clone(),
            company_id: self.company_id.clone(),
            payment_condition_id: self.payment_condition_id.clone(),
            date,
            reference: self.reference.clone(),
            remark: self.build_remark(date),
        };
        (header, kept_draft)
    }

    /// Freezes the invoice as the content of row `row`. `line_bodies` are the bodies of the calls for its lines.
    pub fn freeze_as_row(
        &self,
        row: u32,
        header: &InvoiceHeader,
        line_bodies: Vec<String>,
        kept_draft: Option<DraftReason>,
    ) -> FrozenDocument {
        FrozenDocument {
            row,
            client_id: header.client_id.clone(),
            company_id: header.company_id.clone(),
            payment_condition_id: header.payment_condition_id.clone(),
            line_bodies,
            lines: self.lines.clone(),
            total: self.total,
            date: header.date,
            book: self.book && kept_draft.is_none(),
            kept_draft: kept_draft.filter(|_| self.book),
        }
    }

    fn build_remark(&self, date: Date) -> String {
        let shipped = self.shipped_at.map_or(date, bookkeeping_day);
        let mut remark = text::render_invoice_remark(
            self.language,
            self.identifier.as_str(),
            self.marketplace.as_deref(),
            self.external_identifier.as_deref(),
            shipped,
            self.country.as_deref(),
        );
        if let Some(business) = &self.business {
            remark.push('\n');
            remark.push_str(&text::render_business_remark(
                self.language,
                business.company_name.as_deref(),
                business.vat_number.as_deref(),
            ));
        }
        remark
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_comes_after_the_header_and_every_line_and_the_booking_after_it() {
        let mut frozen = FrozenDocument {
            row: 1,
            client_id: ClientId::parse("5").unwrap(),
            company_id: None,
            payment_condition_id: None,
            line_bodies: Vec::new(),
            lines: Vec::new(),
            total: Cents(0),
            date: jiff::civil::date(2026, 11, 23),
            book: false,
            kept_draft: None,
        };
        assert_eq!((frozen.check_step(), frozen.step_count()), (2, 2));
        let line = InvoiceLine {
            article_id: None,
            description: String::new(),
            quantity: 1,
            price: Cents(0),
            vat_tariff_id: VatTariffId::parse("7").unwrap(),
        };
        frozen.lines = vec![line.clone(), line.clone(), line];
        frozen.book = true;
        assert_eq!((frozen.check_step(), frozen.step_count()), (5, 6));
    }

    fn vat_tariff(id: &str, percentage: i64) -> VatTariff {
        VatTariff {
            id: VatTariffId::parse(id).unwrap(),
            name: format!("{percentage}% incl."),
            percentage: percentage.into(),
            vat_inclusive: true,
        }
    }

    fn goods_line(id: &str, quantity: u32, price: i64, tariff: VatTariff) -> GoodsLine {
        GoodsLine {
            line: LineId::parse(id).unwrap(),
            sku: None,
            title: format!("line {id}"),
            quantity,
            price: Cents(price),
            tariff,
            article_id: None,
        }
    }

    fn shipping_and_discount(shipping: i64, discount: i64) -> Costs {
        Costs { shipping: Cents(shipping), discount: Cents(discount), ..Costs::default() }
    }

    fn line_shapes(lines: &[InvoiceLine]) -> Vec<(i64, i64, &str)> {
        lines.iter().map(|l| (l.quantity, l.price.0, l.vat_tariff_id.as_str())).collect()
    }

    #[test]
    fn costs_follow_the_goods_and_the_discount_is_a_negative_quantity() {
        let goods =
            [goods_line("1", 1, 2000, vat_tariff("6", 6)), goods_line("2", 3, 1000, vat_tariff("21", 21))];
        let lines = build_invoice_lines(&goods, &shipping_and_discount(495, 100), None, Language::EN);
        assert_eq!(
            line_shapes(&lines),
            [
                (1, 2000, "6"),
                (2, 333, "21"),
                (1, 334, "21"),
                (1, 165, "21"),
                (1, 330, "6"),
                (-1, 33, "21"),
                (-1, 67, "6")
            ]
        );
        assert_eq!(lines.iter().map(InvoiceLine::total).sum::<Cents>(), Cents(3000 + 495 - 100));
        assert_eq!(lines[3].description, "Shipping costs");
        assert_eq!(lines[5].description, "Discount");
    }

    #[test]
    fn a_tie_goes_to_the_higher_percentage() {
        let goods =
            [goods_line("1", 1, 500, vat_tariff("a", 6)), goods_line("2", 1, 500, vat_tariff("b", 21))];
        assert_eq!(
            line_shapes(&build_invoice_lines(&goods, &shipping_and_discount(1, 0), None, Language::NL))[2..],
            [(1, 1, "b")]
        );
    }

    #[test]
    fn goods_for_nothing_give_the_costs_the_first_tariff() {
        let goods = [goods_line("1", 1, 0, vat_tariff("a", 6)), goods_line("2", 1, 0, vat_tariff("b", 21))];
        assert_eq!(
            line_shapes(&build_invoice_lines(&goods, &shipping_and_discount(495, 0), None, Language::NL))
                [2..],
            [(1, 495, "a")]
        );
    }

    #[test]
    fn a_tariff_of_its_own_takes_the_costs_not_the_discount() {
        let goods = [goods_line("1", 1, 2000, vat_tariff("6", 6))];
        let fixed = VatTariffId::parse("21").unwrap();
        assert_eq!(
            line_shapes(&build_invoice_lines(
                &goods,
                &shipping_and_discount(495, 100),
                Some(&fixed),
                Language::NL
            ))[1..],
            [(1, 495, "21"), (-1, 100, "6")]
        );
    }

    fn invoice_plan(shipped_at: Option<&str>) -> InvoicePlan {
        InvoicePlan {
            client_id: ClientId::parse("5").unwrap(),
            company_id: None,
            payment_condition_id: None,
            reference: "108 (PF-1)".to_owned(),
            identifier: OrderIdentifier::parse("PF-1").unwrap(),
            external_identifier: Some("108".to_owned()),
            marketplace: Some("bol.com".to_owned()),
            country: Some("BE".to_owned()),
            business: None,
            shipped_at: shipped_at.map(|t| t.parse().unwrap()),
            lines: vec![],
            total: Cents::ZERO,
            book: true,
            language: Language::EN,
        }
    }

    #[test]
    fn the_date_is_the_brussels_day_of_shipping_and_never_later_than_today() {
        let at = |now: &str, shipped: Option<&str>| {
            let (header, kept) = invoice_plan(shipped).build_header(now.parse().unwrap());
            (header.date.to_string(), kept)
        };
        // 23:30 UTC on 30 November is 0:30 on 1 December in Brussels.
        assert_eq!(at("2026-12-05T12:00:00Z", Some("2026-11-30T23:30:00Z")), ("2026-12-01".to_owned(), None));
        assert_eq!(
            at("2026-12-05T12:00:00Z", Some("2026-11-30T22:30:00Z")),
            ("2026-11-30".to_owned(), Some(DraftReason::EarlierMonth))
        );
        assert_eq!(at("2026-12-05T12:00:00Z", Some("2026-12-09T12:00:00Z")), ("2026-12-05".to_owned(), None));
        assert_eq!(at("2026-12-05T12:00:00Z", None), ("2026-12-05".to_owned(), None));
        assert_eq!(
            at("2027-01-01T12:00:00Z", Some("2026-12-31T12:00:00Z")),
            ("2026-12-31".to_owned(), Some(DraftReason::EarlierMonth))
        );
    }

    #[test]
    fn a_business_is_named_in_the_remark_and_keeps_the_draft() {
        let mut plan = invoice_plan(Some("2026-11-20T12:00:00Z"));
        plan.business = Some(BusinessBuyer {
            company_name: Some("Bouw bv".to_owned()),
            vat_number: Some("BE0123456749".to_owned()),
        });
        let (header, kept) = plan.build_header("2026-11-23T12:00:00Z".parse().unwrap());
        assert_eq!(kept, Some(DraftReason::Business));
        assert!(
            header.remark.contains("Bouw bv") && header.remark.contains("BE0123456749"),
            "{}",
            header.remark
        );
    }

    proptest! {
        #[test]
        fn the_lines_come_to_the_orders_total(
            goods_in in proptest::collection::vec((1_u32..50, 0_i64..1_000_000, 0_usize..4), 1..12),
            shipping in 0_i64..10_000, transaction in 0_i64..1_000, additional in 0_i64..1_000, discount in 0_i64..5_000,
            fixed in proptest::bool::ANY,
        ) {
            let tariffs = [vat_tariff("1", 0), vat_tariff("2", 6), vat_tariff("3", 12), vat_tariff("4", 21)];
            let goods: Vec<_> = goods_in.iter().enumerate()
                .map(|(i, &(q, p, t))| goods_line(&i.to_string(), q, p, tariffs[t].clone())).collect();
            let costs = Costs { shipping: Cents(shipping), transaction: Cents(transaction), additional: Cents(additional), discount: Cents(discount) };
            let costs_tariff = fixed.then(|| VatTariffId::parse("9").unwrap());
            let lines = build_invoice_lines(&goods, &costs, costs_tariff.as_ref(), Language::NL);
            let total: i64 = goods_in.iter().map(|g| g.1).sum::<i64>() + shipping + transaction + additional - discount;
            prop_assert_eq!(lines.iter().map(|l| l.total().0).sum::<i64>(), total);
            prop_assert!(lines.iter().all(|l| l.price.0 >= 0 && l.quantity != 0));
        }
    }
}
