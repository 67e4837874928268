//! ProductFlow's pages for people: orders to place, edit, ship and cancel; products with their offers.

mod order_edit;
mod order_place;
mod order_view;
mod orders;
mod products;

use http::Method;

use super::{Company, ProductFlowSim};
use crate::pages::{Answer, Ask, House, NoPage, answer};
use crate::traffic::{Reply, Request};

static HOUSE: House = House {
    name: "ProductFlow",
    owner: "company",
    sections: &[("Orders", "orders"), ("Products", "products")],
};

pub(crate) fn handle(sim: &ProductFlowSim, request: &Request) -> Reply {
    let companies: Vec<String> = sim.companies().iter().map(u64::to_string).collect();
    answer(&HOUSE, &companies, request, |id, ask| match id.parse() {
        Ok(id) => route(&sim.company(id), ask),
        Err(_) => Err(NoPage::Missing(format!("company {id}"))),
    })
}

fn route(company: &Company, ask: &Ask<'_>) -> Answer {
    match (&ask.method, ask.segments().as_slice()) {
        (&Method::GET, [] | ["orders"]) => orders::list(company, ask),
        (_, ["new-order"]) => order_place::place(company, ask),
        (_, ["orders", identifier, rest @ ..]) => orders::one(company, ask, identifier, rest),
        (&Method::GET, ["products"]) => products::list(company, ask),
        (&Method::GET, ["products", sku]) => products::one(company, ask, sku),
        _ => Err(NoPage::here()),
    }
}
