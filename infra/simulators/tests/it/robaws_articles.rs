//! Robaws: articles, their filters, and the checkbox.

use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::ViolationKind;
use simulators::robaws::Article;

use crate::support::{ids_of_items, start_bench};
use runtime::clock::Clock as _;

#[tokio::test]
async fn stock_and_extra_fields_come_only_when_included() {
    let bench = start_bench().await;
    let (_, plain) = bench.get_robaws("/articles/12").await;
    assert!(plain.get("extraFields").is_none() && plain.get("availableStock").is_none());
    let (_, rows) = bench.get_robaws("/articles").await;
    assert!(rows["items"][0].get("extraFields").is_none());
    let (_, full) = bench.get_robaws("/articles/12?include=availableStock,extraFields").await;
    assert_eq!(full["extraFields"]["ProductFlow"]["booleanValue"], true);
    assert_eq!(full["availableStock"], 25);
    let (_, unticked) = bench.get_robaws("/articles/13?include=extraFields").await;
    assert_eq!(unticked["extraFields"], json!({}));
    let (_, stock) = bench.get_robaws("/articles?include=availableStock").await;
    assert_eq!(stock["items"][1]["availableStock"], 0);
}

#[tokio::test]
async fn available_stock_is_the_total_less_the_reserved() {
    let bench = start_bench().await;
    bench.tenant.set_stock("12", "4", Decimal::new(15, 1));
    bench.tenant.edit_article("12", |article| article.reserved_stock = Decimal::from(30));
    let (_, article) = bench.get_robaws("/articles/12?include=availableStock").await;
    assert_eq!(article["availableStock"].to_string(), "-3.5");
    bench.tenant.edit_article("12", |article| {
        article.available_stock_override = Some(Value::Null);
    });
    let (_, article) = bench.get_robaws("/articles/12?include=availableStock").await;
    assert_eq!(article["availableStock"], Value::Null);
}

#[tokio::test]
async fn an_article_as_robaws_shows_it() {
    let bench = start_bench().await;
    let article = Article::new("20", "P-1").with_prices(Decimal::new(12_345, 4), Decimal::new(1999, 2));
    bench.tenant.put_article(article);
    let (status, article) = bench.get_robaws("/articles/20").await;
    assert_eq!(status, 200);
    assert_eq!(
        article,
        json!({
            "id": "20", "articleNumber": "P-1", "name": "Article P-1", "saleName": null, "description": null,
            "costPrice": 1.2345, "salePrice": 19.99, "vatTariffId": null, "stockArticle": true,
            "createdAt": "2026-11-23T08:00:00Z", "updatedAt": "2026-11-23T08:00:00Z",
            "archivedAt": null, "deletedAt": null,
        })
    );
}

#[tokio::test]
async fn the_number_filter_gives_candidates() {
    let bench = start_bench().await;
    assert_eq!(ids_of_items(&bench.get_robaws("/articles?articleNumber=a-1").await.1), ["12", "13"]);
    assert_eq!(ids_of_items(&bench.get_robaws("/articles?articleNumber=A-10").await.1), ["13"]);
    assert_eq!(ids_of_items(&bench.get_robaws("/articles?articleNumber=A-9").await.1), Vec::<&str>::new());
    bench.tenant.change_settings(|settings| {
        settings.ignored_filters.insert("articleNumber".to_owned());
    });
    assert_eq!(ids_of_items(&bench.get_robaws("/articles?articleNumber=A-9").await.1), ["12", "13", "14"]);
}

#[tokio::test]
async fn archived_articles_stay_in_the_list_and_removed_ones_are_404() {
    let bench = start_bench().await;
    assert!(bench.tenant.archive_article("13"));
    assert!(bench.tenant.remove_article("14"));
    let (_, page) = bench.get_robaws("/articles").await;
    assert_eq!(ids_of_items(&page), ["12", "13"]);
    assert_eq!(page["items"][1]["archivedAt"], "2026-11-23T08:00:00Z");
    assert_eq!(bench.get_robaws("/articles/14").await.0, 404);
}

#[tokio::test]
async fn updated_from_takes_what_was_edited_since() {
    let bench = start_bench().await;
    bench.clock.advance_by(SignedDuration::from_mins(5));
    bench.tenant.edit_article("13", |article| article.name = Some("New".to_owned()));
    // A stock change is no edit.
    bench.tenant.set_stock("12", "3", 1);
    assert_eq!(ids_of_items(&bench.get_robaws("/articles?updatedFrom=2026-11-23T08:05:00Z").await.1), ["13"]);
    assert_eq!(
        ids_of_items(&bench.get_robaws("/articles?updatedFrom=2026-11-23").await.1),
        ["12", "13", "14"]
    );
    assert_eq!(
        ids_of_items(&bench.get_robaws("/articles?updatedFrom=2026-11-24").await.1),
        Vec::<&str>::new()
    );
    assert_eq!(bench.get_robaws("/articles?updatedFrom=yesterday").await.0, 400);
}

#[tokio::test]
async fn the_checkbox_filter_needs_the_checkbox() {
    let bench = start_bench().await;
    let path = "/articles?extraFields%5BProductFlow%5D=true";
    assert_eq!(ids_of_items(&bench.get_robaws(path).await.1), ["12"]);
    bench.tenant.edit_article("13", |article| article.set_tick(false));
    assert_eq!(
        ids_of_items(&bench.get_robaws("/articles?extraFields%5BProductFlow%5D=false").await.1),
        ["13"]
    );
    bench.tenant.change_settings(|settings| settings.product_flow_defined = false);
    assert_eq!(bench.get_robaws(path).await.0, 400);
}

#[tokio::test]
async fn a_merge_patch_ticks_the_checkbox() {
    let bench = start_bench().await;
    bench.clock.advance_by(SignedDuration::from_secs(1));
    let tick = json!({"extraFields": {"ProductFlow": {"booleanValue": true}}});
    assert_eq!(bench.patch_robaws("/articles/13", tick.clone()).await, (204, Value::Null));
    let article = bench.tenant.find_article("13").unwrap();
    assert!(article.is_ticked());
    assert_eq!(article.updated_at, bench.clock.now());
    assert_eq!(article.article_number.as_deref(), Some("XA-10"));
    // Cleared, then set to false: both unticked.
    assert_eq!(
        bench.patch_robaws("/articles/13", json!({"extraFields": {"ProductFlow": null}})).await.0,
        204
    );
    assert!(!bench.tenant.find_article("13").unwrap().extra_fields.contains_key("ProductFlow"));
    let untick = json!({"extraFields": {"ProductFlow": {"booleanValue": false}}});
    assert_eq!(bench.patch_robaws("/articles/12", untick).await.0, 204);
    assert!(!bench.tenant.find_article("12").unwrap().is_ticked());
    assert_eq!(bench.patch_robaws("/articles/99", tick).await.0, 404);
}

#[tokio::test]
async fn extra_fields_that_do_not_exist_are_400_and_change_nothing() {
    let bench = start_bench().await;
    let before = bench.tenant.find_article("13");
    for patch in [
        json!({"name": "New", "extraFields": {"Productflow": {"booleanValue": true}}}),
        json!({"name": "New", "extraFields": {"ProductFlow": {"booleanValue": "true"}}}),
        json!({"name": "New", "extraFields": {"ProductFlow": true}}),
    ] {
        assert_eq!(bench.patch_robaws("/articles/13", patch).await.0, 400);
    }
    bench.tenant.change_settings(|settings| settings.product_flow_defined = false);
    let tick = json!({"extraFields": {"ProductFlow": {"booleanValue": true}}});
    assert_eq!(bench.patch_robaws("/articles/13", tick).await.0, 400);
    assert_eq!(bench.tenant.find_article("13"), before);
}

#[tokio::test]
async fn unknown_fields_are_dropped_and_wrong_types_refused() {
    let bench = start_bench().await;
    assert_eq!(bench.patch_robaws("/articles/13", json!({"colour": "red", "name": "N"})).await.0, 204);
    assert_eq!(bench.tenant.find_article("13").unwrap().name.as_deref(), Some("N"));
    let noted = bench.robaws.violations();
    assert_eq!(noted.len(), 1);
    assert_eq!(
        (noted[0].kind, noted[0].detail.as_str()),
        (ViolationKind::UnknownField, "PATCH /articles/13: colour")
    );
    for patch in [
        json!({"vatTariffId": 7}),
        json!({"vatTariffId": "99"}),
        json!({"salePrice": "1.50"}),
        json!({"stockArticle": 1}),
        json!({"name": 5}),
    ] {
        assert_eq!(bench.patch_robaws("/articles/13", patch.clone()).await.0, 400, "{patch}");
    }
    assert_eq!(
        bench.patch_robaws("/articles/13", json!({"salePrice": 1.505, "vatTariffId": "8"})).await.0,
        204
    );
    let article = bench.tenant.find_article("13").unwrap();
    assert_eq!((article.sale_price, article.vat_tariff_id.as_deref()), (Decimal::new(1505, 3), Some("8")));
}
