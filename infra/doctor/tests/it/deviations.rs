//! For every assumption that reading decides the simulators have a deviation from it, and the doctor refutes exactly that
//! assumption.

use crate::support::{CANARIES, find_finding, finding_ids, seeded_bench};
use doctor::inventory::CheckMethod;
use doctor::{Peer, Verdict, inventory};
use simulators::{productflow, robaws};

/// Per deviation: the other assumptions that it refutes as well, where one can't be broken without the other.
const ALSO_REFUTED: [(&str, &[&str]); 0] = [];
/// Assumptions that reading could confirm, but for which the simulators show nothing.
const NOT_SIMULATED: [&str; 1] = ["rw-location-stock"];

fn ids_decided_by_reading() -> Vec<&'static str> {
    let entries =
        inventory::all_assumptions().filter(|entry| matches!(entry.method, CheckMethod::ByReading { .. }));
    entries.map(|entry| entry.id).collect()
}

#[tokio::test]
async fn peers_as_assumed_are_confirmed() {
    let findings = seeded_bench().await.examine_peers().await;
    assert_eq!(finding_ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    for entry in inventory::all_assumptions() {
        let finding = find_finding(&findings, entry.id);
        let expected = match entry.method {
            CheckMethod::ByHand { .. } => Verdict::NotDecidable,
            CheckMethod::ByExample { .. } if NOT_SIMULATED.contains(&entry.id) => Verdict::NotDecidable,
            CheckMethod::ByReading { .. } | CheckMethod::ByExample { .. } => Verdict::Confirmed,
        };
        assert_eq!(finding.verdict, expected, "{finding:?}");
    }
}

#[tokio::test]
async fn each_deviation_is_found_and_named() {
    let all = robaws::DEVIATIONS.iter().chain(&productflow::DEVIATIONS);
    let mut wrong = Vec::new();
    for deviation in all {
        let bench = seeded_bench().await;
        let known = if deviation.starts_with("rw-") {
            bench.tenant.break_assumption(deviation)
        } else {
            bench.company.break_assumption(deviation)
        };
        assert!(known, "{deviation}");
        let findings = bench.examine_peers().await;
        let refuted = finding_ids(&findings, Verdict::Refuted);
        let also = ALSO_REFUTED.iter().find(|(id, _)| id == deviation);
        let also = also.map_or(&[][..], |(_, also)| *also);
        let as_listed = refuted.iter().all(|id| id == deviation || also.contains(id));
        if !refuted.contains(deviation) || !as_listed {
            wrong.push(format!("{deviation}: {:?} {refuted:?}", find_finding(&findings, deviation)));
            continue;
        }
        let finding = find_finding(&findings, deviation);
        let place = finding.place.as_ref().unwrap();
        assert!(!place.symbol.is_empty() && finding.advice.is_some(), "{finding:?}");
        // The findings of a deviation hold no value either.
        let text = serde_json::to_string(&findings).unwrap();
        for canary in CANARIES {
            assert!(!text.contains(canary), "{deviation} shows {canary}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_assumption_that_reading_decides_has_a_deviation() {
    let mut deviations: Vec<&str> =
        robaws::DEVIATIONS.iter().chain(&productflow::DEVIATIONS).copied().collect();
    let mut wanted = ids_decided_by_reading();
    deviations.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(deviations, wanted);
}

#[tokio::test]
async fn nothing_but_get_is_sent_and_seldom() {
    let bench = seeded_bench().await;
    let findings = bench.examine_peers().await;
    for (peer, calls, most) in [
        (Peer::Robaws, bench.robaws.calls(), doctor::MOST_ROBAWS_CALLS),
        (Peer::Productflow, bench.productflow.calls(), doctor::MOST_PRODUCTFLOW_CALLS),
    ] {
        assert!(calls.iter().all(|call| call.method == "GET" && call.body.is_empty()));
        assert!(calls.len() > 5 && calls.len() <= most, "{peer:?}: {}", calls.len());
    }
    const { assert!(doctor::MOST_ROBAWS_CALLS + doctor::MOST_PRODUCTFLOW_CALLS <= 40) };
    let text = format!("{}{}", doctor::render_findings(&findings), serde_json::to_string(&findings).unwrap());
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary}");
    }
}
