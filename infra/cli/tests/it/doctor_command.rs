//! `connector doctor` against both simulators.

use crate::shop::{FinishedRun, Shop, example_order, run_connector, test_environment};
use simulators::demo;

async fn run_doctor(shop: &Shop, more: &[&str]) -> FinishedRun {
    let robaws = format!("{}/api/v2", shop.stack.robaws_server.url());
    let productflow = format!("{}/api/v1", shop.stack.productflow_server.url());
    let company = demo::COMPANY.to_string();
    let arguments = [
        "doctor",
        "--robaws-url",
        &robaws,
        "--productflow-url",
        &productflow,
        "--robaws-login",
        "env",
        "--productflow-token",
        "env",
        "--company",
        &company,
    ];
    let arguments: Vec<&str> = arguments.iter().chain(more).copied().collect();
    run_connector(&test_environment(), &arguments, "").await
}

#[tokio::test]
async fn a_tenant_is_examined_by_reading_and_what_is_refuted_is_told_by_the_exit_code() {
    let shop = Shop::without_connection().await;
    shop.place_order(example_order("PF-1"));
    let known = ["--known-order", "PF-1", "--known-total", "59.98"];
    let ended = run_doctor(&shop, &known).await;
    assert_eq!(ended.exit, 0, "{ended:#?}");
    assert!(ended.out.contains("0 refuted"), "{ended:#?}");
    let written = |calls: Vec<simulators::Call>| calls.iter().any(|call| call.method != "GET");
    assert!(!written(shop.stack.robaws.calls()) && !written(shop.stack.productflow.calls()));

    shop.productflow.change_settings(|settings| settings.deviations = [String::from("pf-line-price")].into());
    let ended = run_doctor(&shop, &[&known[..], &["--json"]].concat()).await;
    assert_eq!(ended.exit, 5, "{ended:#?}");
    let findings: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let refuted: Vec<&str> = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["verdict"] == "refuted")
        .filter_map(|finding| finding["id"].as_str())
        .collect();
    assert_eq!(refuted, ["pf-line-price"]);
}

#[tokio::test]
async fn what_can_not_be_meant_is_said_before_anybody_is_called() {
    let shop = Shop::without_connection().await;
    for (more, exit) in [
        (&["--known-order", "PF-1"][..], 2),
        (&["--known-order", "PF-1", "--known-total", "lots"], 2),
        (&["--known-offer", "A-1"], 2),
        (&["line_price=whatever"], 2),
        (&["nonsense=1"], 2),
    ] {
        let ended = run_doctor(&shop, more).await;
        assert_eq!(ended.exit, exit, "{more:?}: {ended:#?}");
    }
    let ended = run_connector(&test_environment(), &["doctor"], "").await;
    assert_eq!(ended.exit, 2, "{ended:#?}");
    assert!(shop.stack.robaws.calls().is_empty());
}
