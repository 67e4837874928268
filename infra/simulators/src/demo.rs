//! A small shop in both peers, to try things out on: one Robaws tenant and one ProductFlow company.

use rust_decimal::Decimal;

use crate::productflow::ProductFlowSim;
use crate::robaws::{Article, RobawsSim, VatTariff};

pub const TENANT: &str = "demo";
/// The key of the tenant's API user.
pub const ROBAWS_KEY: &str = "demo-key";
/// The secret of the tenant's API user.
pub const ROBAWS_SECRET: &str = "demo-secret";
pub const COMPANY: u64 = 42;
/// The personal access token of the company.
pub const TOKEN: &str = "demo-token";
pub const STOCK_LOCATION: &str = "3";
/// The client on the invoices of consumers.
pub const B2C_CLIENT: &str = "5";
/// The user to whom notifications are assigned.
pub const USER: &str = "9";

/// Fills both peers, and keeps this state as the one that a reset goes back to.
pub fn seed_demo_shop(robaws: &RobawsSim, productflow: &ProductFlowSim) {
    let tenant = robaws.tenant_named(TENANT);
    tenant.add_admin(ROBAWS_KEY, ROBAWS_SECRET);
    tenant.put_stock_location(STOCK_LOCATION, "Magazijn").put_stock_location("4", "Showroom");
    tenant.put_client(B2C_CLIENT, "Webshop B2C").put_client("6", "Bouwbedrijf Janssens");
    tenant.put_user(USER, "Els Maes").put_company("1", "Demo BV").put_payment_condition("2", "Contant");
    tenant.put_vat_tariff(VatTariff::new("7", Decimal::from(21), true));
    tenant.put_vat_tariff(VatTariff::new("8", Decimal::from(21), false));
    tenant.put_vat_tariff(VatTariff::new("10", Decimal::from(6), true));
    tenant.put_vat_tariff(VatTariff::new("11", Decimal::new(255, 1), true));
    let euros = |cents: i64| Decimal::new(cents, 2);
    for (id, number, name, cost, sale, pieces) in [
        ("12", "A-1", "Boormachine", 1_450, 2_999, 25),
        ("13", "A-2", "Schroevendraaier", 210, 595, 140),
        ("14", "B-1", "Werkhandschoenen", 120, 349, 60),
    ] {
        let mut article =
            Article::new(id, number).with_tick(true).with_tariff("7").with_prices(euros(cost), euros(sale));
        article.name = Some(name.to_owned());
        tenant.put_article(article).set_stock(id, STOCK_LOCATION, pieces);
    }
    let mut service = Article::new("15", "MONTAGE").with_tariff("7").without_stock();
    service.name = Some("Montage aan huis".to_owned());
    tenant.put_article(service);
    productflow.company_numbered(COMPANY).add_token(TOKEN);
    robaws.keep_baseline();
    productflow.keep_baseline();
}
