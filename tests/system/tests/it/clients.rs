//! The clients' searches, against simulated peers that help less than they could.

use crate::shop::{Shop, one_line};
use domain::ids::{CompanyId, OrderIdentifier};
use domain::invoice::DocumentKind;
use serde_json::json;
use simulators::Fault;
use simulators::demo;
use simulators::robaws::Article;
use simulators::traffic::{Answer, Effect};
use std::sync::Arc;

fn robaws_of(shop: &Shop) -> robaws::Client {
    let url: url::Url = format!("{}/api/v2", shop.stack.robaws_server.url())
        .parse()
        .unwrap();
    let http = runtime::http::client(&[&url]).unwrap();
    let credentials = robaws::Credentials {
        key: demo::ROBAWS_KEY.into(),
        secret: demo::ROBAWS_SECRET.into(),
    };
    robaws::Client::new(http, url, credentials, Arc::default())
}

/// A search whose filter Robaws ignores goes on until it finds our document, on whatever page it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_found_behind_a_page_of_others() {
    let shop = Shop::open().await;
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
        settings.ignored_filters.insert("clientReference".to_owned());
    });
    let orders: Vec<String> = (0..103).map(|no| format!("PF-{no}")).collect();
    for order in &orders {
        shop.place(one_line(order).status("shipped"));
    }
    shop.rounds(10).await;
    assert_eq!(shop.robaws.invoices().len(), orders.len());
    let client = robaws_of(&shop);
    for order in [&orders[0], &orders[102]] {
        let reference = shop.order(order).await.reference();
        let found = client
            .find_by_reference(&reference, DocumentKind::Invoice)
            .await
            .unwrap();
        let references = |found: &[robaws::Invoice]| -> Vec<Option<String>> {
            found
                .iter()
                .map(|invoice| invoice.client_reference.clone())
                .collect()
        };
        assert_eq!(references(&found), [Some(reference.clone())]);
        // There is no credit note of it, which only the whole list tells.
        let found = client
            .find_by_reference(&reference, DocumentKind::CreditNote)
            .await
            .unwrap();
        assert_eq!(references(&found), [Some(reference)]);
        assert!(found[0].is_a(DocumentKind::Invoice));
    }
}

fn named(id: &str, number: &str, name: &str) -> Article {
    Article {
        name: Some(name.to_owned()),
        ..Article::new(id, number)
    }
}

/// Articles are found by number and by name, each once, the one with exactly this number first, also without the filters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_are_found_as_people_search() {
    let shop = Shop::open().await;
    for ignored in [false, true] {
        if ignored {
            shop.robaws.set(|settings| {
                settings
                    .ignored_filters
                    .extend(["articleNumber".to_owned(), "name".to_owned()]);
            });
        }
        shop.robaws.put_article(named("71", "LAMP-2", "Cover"));
        shop.robaws.put_article(named("72", "lamp", "Lamp"));
        shop.robaws.put_article(named("73", "X-9", "Green LAMP"));
        shop.robaws.put_article(named("74", "LAMP", "Bulb"));
        let search = async |wanted: &str, most| {
            let (found, is_cut) = robaws_of(&shop).find_articles(wanted, most).await.unwrap();
            let ids: Vec<String> = found.iter().map(|article| article.id.to_string()).collect();
            (ids, is_cut)
        };
        let (mut ids, is_cut) = search("LAMP", 4).await;
        assert_eq!(ids.remove(0), "74", "exactly so");
        ids.sort();
        assert_eq!(
            (ids, is_cut),
            (vec!["71".to_owned(), "72".into(), "73".into()], false)
        );
        let (ids, is_cut) = search("LAMP", 3).await;
        assert_eq!((ids.len(), is_cut), (3, true));
        assert_eq!(search("LAMP-3", 4).await, (vec![], false));
    }
}

fn productflow_of(shop: &Shop) -> productflow::Client {
    let url: url::Url = format!("{}/api/v1", shop.stack.productflow_server.url())
        .parse()
        .unwrap();
    let http = runtime::http::client(&[&url]).unwrap();
    productflow::Client::new(http, url, demo::TOKEN.into(), CompanyId(demo::COMPANY))
}

/// So many answers of "too many requests" that ask to wait so many seconds.
fn throttled(path: &str, times: u32, seconds: u32) -> Fault {
    let answer = Answer::json(429, json!({ "message": "too many" }));
    let answer = answer.header("retry-after", &seconds.to_string());
    Fault::on("GET", path).effect(Effect::Answer(answer)).times(times)
}

/// A short wait is waited out, twice at most; a long one is the caller's to decide about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_waits_for_a_limit_are_waited_out() {
    let shop = Shop::open().await;
    let order = OrderIdentifier::parse("PF-1").unwrap();
    shop.place(one_line("PF-1"));
    for (times, seconds, asked, answered) in [
        (1, 0, 2, true),
        (2, 0, 3, true),
        (3, 0, 3, false),
        (1, 60, 1, false),
    ] {
        let what = format!("{times} times, {seconds} s");
        shop.stack.productflow.clear_faults();
        shop.stack.productflow.clear_calls();
        shop.stack
            .productflow
            .fault(throttled("/order/PF-1", times, seconds));
        let answer = productflow_of(&shop).order(&order).await;
        let waits = matches!(answer, Err(productflow::Error::RateLimited { .. }));
        assert_eq!(
            (answer.is_ok(), waits),
            (answered, !answered),
            "ProductFlow, {what}"
        );
        assert_eq!(shop.stack.productflow.calls().len(), asked, "ProductFlow, {what}");

        shop.stack.robaws.clear_faults();
        shop.stack.robaws.clear_calls();
        shop.stack.robaws.fault(throttled("/vat-tariffs", times, seconds));
        let answer = robaws_of(&shop).vat_tariffs().await;
        let waits = matches!(answer, Err(robaws::Error::RateLimited { daily: false, .. }));
        assert_eq!((answer.is_ok(), waits), (answered, !answered), "Robaws, {what}");
        assert_eq!(shop.stack.robaws.calls().len(), asked, "Robaws, {what}");
    }
}
