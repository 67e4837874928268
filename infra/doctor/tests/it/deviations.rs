//! For every assumption that reading decides the simulators have a deviation from it, and the doctor refutes exactly that
//! assumption.

use crate::support::{CANARIES, bench, ids, of};
use doctor::inventory::Decided;
use doctor::{Peer, Verdict, inventory};
use simulators::{productflow, robaws};

/// Per deviation: the other assumptions that it refutes as well, where one can't be broken without the other.
const ALSO: [(&str, &[&str]); 0] = [];
/// Assumptions that reading could confirm, but for which the simulators show nothing.
const NOT_SHOWN: [&str; 1] = ["rw-location-stock"];

fn by_reading() -> Vec<&'static str> {
    let entries = inventory::all().filter(|entry| matches!(entry.decided, Decided::ByReading { .. }));
    entries.map(|entry| entry.id).collect()
}

#[tokio::test]
async fn peers_as_assumed_are_confirmed() {
    let findings = bench().await.examine().await;
    assert_eq!(ids(&findings, Verdict::Refuted), Vec::<&str>::new());
    for entry in inventory::all() {
        let finding = of(&findings, entry.id);
        let expected = match entry.decided {
            Decided::ByHand { .. } => Verdict::NotDecidable,
            Decided::BySight { .. } if NOT_SHOWN.contains(&entry.id) => Verdict::NotDecidable,
            Decided::ByReading { .. } | Decided::BySight { .. } => Verdict::Confirmed,
        };
        assert_eq!(finding.verdict, expected, "{finding:?}");
    }
}

#[tokio::test]
async fn each_deviation_is_found_and_named() {
    let all = robaws::DEVIATIONS.iter().chain(&productflow::DEVIATIONS);
    let mut wrong = Vec::new();
    for deviation in all {
        let bench = bench().await;
        let known = if deviation.starts_with("rw-") {
            bench.tenant.deviate(deviation)
        } else {
            bench.company.deviate(deviation)
        };
        assert!(known, "{deviation}");
        let findings = bench.examine().await;
        let refuted = ids(&findings, Verdict::Refuted);
        let also = ALSO.iter().find(|(id, _)| id == deviation);
        let also = also.map_or(&[][..], |(_, also)| *also);
        let as_listed = refuted.iter().all(|id| id == deviation || also.contains(id));
        if !refuted.contains(deviation) || !as_listed {
            wrong.push(format!("{deviation}: {:?} {refuted:?}", of(&findings, deviation)));
            continue;
        }
        let finding = of(&findings, deviation);
        let place = finding.place.as_ref().unwrap();
        assert!(
            !place.symbol.is_empty() && finding.advice.is_some(),
            "{finding:?}"
        );
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
    let mut deviations: Vec<&str> = robaws::DEVIATIONS
        .iter()
        .chain(&productflow::DEVIATIONS)
        .copied()
        .collect();
    let mut wanted = by_reading();
    deviations.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(deviations, wanted);
}

#[tokio::test]
async fn nothing_but_get_is_sent_and_seldom() {
    let bench = bench().await;
    let findings = bench.examine().await;
    for (peer, calls, most) in [
        (Peer::Robaws, bench.robaws.calls(), doctor::MOST_ROBAWS_CALLS),
        (
            Peer::Productflow,
            bench.productflow.calls(),
            doctor::MOST_PRODUCTFLOW_CALLS,
        ),
    ] {
        assert!(
            calls
                .iter()
                .all(|call| call.method == "GET" && call.body.is_empty())
        );
        assert!(
            calls.len() > 5 && calls.len() <= most,
            "{peer:?}: {}",
            calls.len()
        );
    }
    const { assert!(doctor::MOST_ROBAWS_CALLS + doctor::MOST_PRODUCTFLOW_CALLS <= 40) };
    let text = format!(
        "{}{}",
        doctor::render(&findings),
        serde_json::to_string(&findings).unwrap()
    );
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary}");
    }
}
