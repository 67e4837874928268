//! A peer that is down, refuses the credentials or answers 429 is reported so, and the other peer is examined all the same.

use crate::support::{find_finding, finding_ids, seeded_bench};
use doctor::{Finding, Peer, Verdict};
use domain::settings::{LinePrice, OrderAmounts};
use simulators::{Fault, Outage};

fn count_confirmed(findings: &[Finding], peer: Peer) -> usize {
    let those = findings.iter().filter(|finding| finding.peer == peer);
    those.filter(|finding| finding.verdict == Verdict::Confirmed).count()
}

#[tokio::test]
async fn robaws_is_down() {
    let bench = seeded_bench().await;
    bench.robaws.set_outage(Some(Outage::Drop));
    let findings = bench.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    let access = find_finding(&findings, "rw-access");
    assert_eq!(access.verdict, Verdict::NotDecidable);
    assert_eq!(access.found, "Robaws gave no answer: the connection broke off");
    assert!(find_finding(&findings, "rw-pages").found.contains("no answer"));
    assert_eq!(bench.robaws.calls().len(), 1);
    assert!(count_confirmed(&findings, Peer::Productflow) > 30);
}

#[tokio::test]
async fn productflow_is_unavailable() {
    let bench = seeded_bench().await;
    bench.productflow.set_outage(Some(Outage::Unavailable));
    let findings = bench.examine_peers().await;
    assert_eq!(find_finding(&findings, "pf-access").verdict, Verdict::NotDecidable);
    assert_eq!(find_finding(&findings, "pf-access").found, "ProductFlow is not available (503)");
    assert_eq!(bench.productflow.calls().len(), 1);
    assert_eq!(finding_ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    assert!(count_confirmed(&findings, Peer::Robaws) > 30);
}

#[tokio::test]
async fn credentials_are_refused() {
    let bench = seeded_bench().await;
    bench.tenant.remove_user("canary-key");
    bench.productflow.revoke_token("canary-token");
    let findings = bench.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), ["rw-access", "pf-access"]);
    assert!(find_finding(&findings, "rw-pages").found.contains("Robaws refuses key and secret (401)"));
    assert!(find_finding(&findings, "pf-sort").found.contains("refuses the token"));
    // No further call is made: each refusal counts towards a block of the API user.
    assert_eq!((bench.robaws.calls().len(), bench.productflow.calls().len()), (1, 1));
}

#[tokio::test]
async fn at_429_nothing_more_is_asked() {
    let bench = seeded_bench().await;
    bench.robaws.add_fault(Fault::for_call("GET", "/vat-tariffs").answer_status(429).until_cleared());
    bench.productflow.add_fault(Fault::for_call("GET", "/order").at_nth_call(2).answer_status(429));
    let findings = bench.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    assert_eq!(bench.robaws.calls().last().unwrap().path, "/vat-tariffs");
    assert!(find_finding(&findings, "rw-vat-inclusive").found.contains("429"));
    assert!(find_finding(&findings, "rw-webhooks").found.contains("429"));
    assert!(find_finding(&findings, "pf-bad-token").found.contains("429"));
    assert_eq!(bench.productflow.calls().len(), 3);
}

#[tokio::test]
async fn the_days_last_requests_are_the_connections() {
    let bench = seeded_bench().await;
    bench.tenant.set_used_today(9_900, 0);
    let findings = bench.examine_peers().await;
    assert_eq!(bench.robaws.calls().len(), 1);
    assert!(find_finding(&findings, "rw-articles").found.contains("left today"));
}

#[tokio::test]
async fn a_peer_can_be_left_out() {
    let mut bench = seeded_bench().await;
    bench.checks.robaws = None;
    let findings = bench.examine_peers().await;
    assert_eq!(bench.robaws.calls().len(), 0);
    assert_eq!(find_finding(&findings, "rw-access").found, "Robaws was left out: no credentials were given");
    assert!(count_confirmed(&findings, Peer::Productflow) > 30);
}

#[tokio::test]
async fn what_is_set_is_what_is_compared() {
    let mut bench = seeded_bench().await;
    assert!(bench.company.break_assumption("pf-order-amounts"));
    assert!(bench.company.break_assumption("pf-status-words"));
    bench.checks.settings.order_amounts = OrderAmounts::Euros;
    bench.checks.settings.status_words.shipped = vec!["sent".to_owned()];
    let findings = bench.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    assert_eq!(find_finding(&findings, "pf-order-amounts").verdict, Verdict::Confirmed);
    bench.checks.settings.line_price = LinePrice::Unit;
    let findings = bench.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), ["pf-line-price"]);
}

#[tokio::test]
async fn without_a_known_order_the_unit_stays_open() {
    let mut bench = seeded_bench().await;
    bench.checks.known_order = None;
    let findings = bench.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    assert_eq!(find_finding(&findings, "pf-order-amounts").verdict, Verdict::NotDecidable);
    // An order that shows its own total decides this without a known order.
    assert_eq!(find_finding(&findings, "pf-line-price").verdict, Verdict::Confirmed);
}

#[tokio::test]
async fn a_mistyped_total_refutes_nothing() {
    let mut bench = seeded_bench().await;
    bench.checks.known_order.as_mut().unwrap().total = domain::money::Cents(1234);
    let findings = bench.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    assert!(find_finding(&findings, "pf-order-amounts").found.contains("no way to add the known order up"));
}

#[tokio::test]
async fn an_empty_tenant_and_company_refute_nothing() {
    let mut bench = seeded_bench().await;
    bench.tenant.add_admin("other", "secret");
    let tenant = bench.robaws.tenant_named("empty");
    tenant.add_admin("empty-key", "empty-secret");
    bench.checks.robaws.as_mut().unwrap().key = "empty-key".to_owned().into();
    bench.checks.robaws.as_mut().unwrap().secret = "empty-secret".to_owned().into();
    bench.productflow.company_numbered(43).add_token("canary-token");
    bench.checks.productflow.as_mut().unwrap().1 = domain::ids::ProductFlowCompanyId(43);
    bench.checks.known_order = None;
    bench.checks.known_offer = None;
    let findings = bench.examine_peers().await;
    let refuted: Vec<&Finding> =
        findings.iter().filter(|finding| finding.verdict == Verdict::Refuted).collect();
    assert!(refuted.is_empty(), "{refuted:?}");
}

#[tokio::test]
async fn calls_are_apart() {
    let mut bench = seeded_bench().await;
    let apart = std::time::Duration::from_millis(20);
    bench.checks.pace.robaws = apart;
    bench.checks.pace.productflow = apart;
    let began = std::time::Instant::now();
    bench.examine_peers().await;
    let calls = bench.robaws.calls().len() + bench.productflow.calls().len();
    let gaps = u32::try_from(calls - 2).unwrap();
    assert!(began.elapsed() >= apart * gaps);
}
