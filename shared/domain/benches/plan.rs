//! Measures how long planning takes for orders of 1, 5 and 100 lines, and how often it allocates memory. The number of
//! allocations does not depend on the machine.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

use criterion::{Criterion, criterion_group};
use domain::catalogue::{Article, ArticleAnswer, Catalogue, VatTariff};
use domain::ids::{ArticleId, LineId, Sku, VatTariffId};
use domain::order::Costs;
use domain::settings::ConnectionSettings;
use domain::{
    Cents, ClientId, ConnectionId, Ledger, Order, OrderIdentifier, OrderLine, OrderStatus, Settings,
    StockLocationId, plan_order,
};
use rust_decimal::Decimal;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;
use std::io::Write as _;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LINE_COUNTS: [u32; 3] = [1, 5, 100];

fn sample_order(status: OrderStatus, lines: u32) -> Order {
    let line = |at: u32| OrderLine {
        id: LineId::parse(at.to_string()).unwrap(),
        sku: Some(Sku::parse(format!("S-{at}")).unwrap()),
        title: format!("Title of S-{at}"),
        quantity: 2,
        price: Cents(5998),
        vat_code: Some(VatTariffId::parse("7").unwrap()),
        fbm: false,
    };
    Order {
        identifier: OrderIdentifier::parse("PF-100234").unwrap(),
        status,
        external_identifier: Some("1083993841".to_owned()),
        marketplace: Some("bol.com".to_owned()),
        currency: "EUR".to_owned(),
        placed_at: "2026-11-23T08:14:05Z".parse().unwrap(),
        updated_at: None,
        shipped_at: Some("2026-11-23T12:00:00Z".parse().unwrap()),
        costs: Costs { shipping: Cents(495), ..Costs::default() },
        total: None,
        country: Some("BE".to_owned()),
        business: None,
        lines: (0..lines).map(line).collect(),
    }
}

fn sample_settings() -> Settings {
    Settings {
        language: domain::Language::NL,
        go_live: "2026-11-01T00:00:00Z".parse().unwrap(),
        connection: ConnectionSettings {
            b2c_client_id: Some(ClientId::parse("5").unwrap()),
            stock_location_id: Some(StockLocationId::parse("3").unwrap()),
            ..ConnectionSettings::default()
        },
        ledger_loss: None,
    }
}

fn sample_catalogue(lines: u32) -> Catalogue {
    let article = |at: u32| {
        let found = Article {
            id: ArticleId::parse((100 + at).to_string()).unwrap(),
            number: Some(format!("S-{at}")),
            stock_article: true,
            live: true,
        };
        (Sku::parse(format!("S-{at}")).unwrap(), ArticleAnswer::Found(found))
    };
    let tariff = VatTariff {
        id: VatTariffId::parse("7").unwrap(),
        name: "21% incl.".to_owned(),
        percentage: Decimal::from(21),
        vat_inclusive: true,
    };
    Catalogue {
        articles: (0..lines).map(article).collect(),
        tariffs: Some([(tariff.id.clone(), tariff)].into()),
        ..Catalogue::default()
    }
}

fn empty_ledger() -> Ledger {
    Ledger::new(ConnectionId::parse("shop").unwrap(), OrderIdentifier::parse("PF-100234").unwrap())
}

fn bench_plans(criterion: &mut Criterion) {
    let (ledger, settings) = (empty_ledger(), sample_settings());
    for status in [OrderStatus::Open, OrderStatus::Shipped] {
        for lines in LINE_COUNTS {
            let (order, catalogue) = (sample_order(status.clone(), lines), sample_catalogue(lines));
            let planned = plan_order(&order, &ledger, &catalogue, &settings);
            assert!(planned.problems.is_empty() && !planned.effects.is_empty());
            criterion.bench_function(&format!("plan, {}, {lines} lines", status.as_str()), |bencher| {
                bencher.iter(|| {
                    plan_order(black_box(&order), black_box(&ledger), black_box(&catalogue), &settings)
                });
            });
        }
    }
}

/// Counts the allocations of one plan. The count is the same in every run once the texts are parsed.
fn count_allocations() {
    let (ledger, settings) = (empty_ledger(), sample_settings());
    let mut out = std::io::stdout().lock();
    for status in [OrderStatus::Open, OrderStatus::Shipped] {
        for lines in LINE_COUNTS {
            let (order, catalogue) = (sample_order(status.clone(), lines), sample_catalogue(lines));
            drop(plan_order(&order, &ledger, &catalogue, &settings));
            let region = Region::new(ALLOCATOR);
            let planned = plan_order(&order, &ledger, &catalogue, &settings);
            let used = region.change();
            drop(planned);
            let (times, bytes) = (used.allocations + used.reallocations, used.bytes_allocated);
            let status = status.as_str();
            writeln!(out, "plan, {status}, {lines} lines: {times} allocations, {bytes} bytes").unwrap();
        }
    }
}

criterion_group!(benches, bench_plans);

fn main() {
    count_allocations();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
