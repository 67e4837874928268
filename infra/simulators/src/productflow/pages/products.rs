//! The pages of products and their offers.

use askama::Template;
use http::StatusCode;

use crate::pages::{Answer, Ask, Frame, NoPage, Pager, html};
use crate::productflow::{Company, Product};

struct Row {
    sku: String,
    title: String,
    languages: String,
    offer: Option<OfferRow>,
}

struct OfferRow {
    stock: i64,
    cost_price: String,
    sale_price: String,
}

impl Row {
    fn new(sku: String, product: &Product) -> Self {
        let titles = product.texts.values().filter_map(|texts| texts.get("title"));
        let languages: Vec<&str> = product.texts.keys().map(String::as_str).collect();
        let price = |price: Option<&str>| price.map_or_else(|| "–".to_owned(), |text| format!("€ {text}"));
        Self {
            sku,
            title: titles.into_iter().next().cloned().unwrap_or_default(),
            languages: languages.join(", "),
            offer: product.offer.as_ref().map(|offer| OfferRow {
                stock: offer.qty_available,
                cost_price: price(offer.price("cost_price")),
                sale_price: price(offer.price("sell_price")),
            }),
        }
    }
}

#[derive(Template)]
#[template(path = "productflow/products.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

pub(super) fn list(company: &Company, ask: &Ask<'_>) -> Answer {
    let products = company.products().into_iter().collect();
    let (pager, products) = Pager::cut(ask, &["products"], products);
    let rows = products.into_iter().map(|(sku, product)| Row::new(sku, &product));
    let list = List {
        frame: ask.frame("Products", "products"),
        rows: rows.collect(),
        pager,
    };
    html(StatusCode::OK, &list)
}

#[derive(Template)]
#[template(path = "productflow/product.html")]
struct Page {
    frame: Frame,
    sku: String,
    product: Product,
}

pub(super) fn one(company: &Company, ask: &Ask<'_>, sku: &str) -> Answer {
    let product = company
        .product(sku)
        .ok_or_else(|| NoPage::Missing(format!("product {sku}")))?;
    let page = Page {
        frame: ask.frame(format!("Product {sku}"), "products"),
        sku: sku.to_owned(),
        product,
    };
    html(StatusCode::OK, &page)
}
