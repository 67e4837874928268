//! The inventory holds an assumption for every `[A:id]` tag in the code, and docs/DOCTOR.md lists every assumption.

use doctor::inventory;
use doctor::inventory::{Basis, CheckMethod};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn collect_sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

/// The ids of the tags `\[A:id\]` in a text.
fn tags_in(text: &str) -> Vec<String> {
    let after = text.split("\\[A:").skip(1);
    after.map(|rest| rest.split("\\]").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_tag_is_in_the_inventory() {
    let mut files = Vec::new();
    collect_sources(&repository_root().join("shared"), &mut files);
    collect_sources(&repository_root().join("functions"), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("\\[A\\]"), "{}: a mark without an id, write \\[A:id\\]", file.display());
        for id in tags_in(&text) {
            let entry = inventory::find_assumption(&id);
            assert!(entry.is_some(), "{}: {id} has no check and no reason why", file.display());
            found.insert(id);
        }
    }
    let assumed = inventory::all_assumptions().filter(|entry| entry.basis == Basis::Assumed);
    let assumed: BTreeSet<String> = assumed.map(|entry| entry.id.to_owned()).collect();
    assert_eq!(found, assumed, "marks in the code, and what the inventory calls assumed");
}

#[test]
fn every_assumption_of_a_wire_module_stands_at_its_top() {
    for file in ["shared/robaws/src/wire.rs", "shared/productflow/src/wire.rs"] {
        let text = fs::read_to_string(repository_root().join(file)).unwrap();
        let top: String =
            text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
        let top = tags_in(&top);
        let unique: BTreeSet<&String> = top.iter().collect();
        assert_eq!(unique.len(), top.len(), "{file}: one id twice");
        assert!(tags_in(&text).iter().all(|id| top.contains(id)), "{file}");
    }
}

/// The table of assumptions as `docs/DOCTOR.md` must hold it.
fn render_table() -> String {
    let mut table =
        String::from("| id | | assumption | where | how it is decided |\n|---|---|---|---|---|\n");
    for entry in inventory::all_assumptions() {
        let basis = match entry.basis {
            Basis::Assumed => "A",
            Basis::Known => "known",
        };
        let how = match entry.method {
            CheckMethod::ByReading { how } => how.to_owned(),
            CheckMethod::ByExample { how, by_hand } => format!("{how} Can only confirm. By hand: {by_hand}"),
            CheckMethod::ByHand { why, by_hand } => format!("Not by reading: {why}. By hand: {by_hand}"),
        };
        let place = entry.place;
        let file = place.file.trim_start_matches("shared/").replace("/src", "");
        let assumption = entry.statement.replace('|', "\\|");
        let (id, section, symbol) = (entry.id, entry.section, place.symbol);
        let row = format!("| `{id}` | {basis} | {assumption} ({section}) | `{file}`: `{symbol}` | {how} |\n");
        table.push_str(&row);
    }
    table
}

#[test]
fn the_page_lists_every_entry() {
    let page = fs::read_to_string(repository_root().join("docs/DOCTOR.md")).unwrap();
    let (start, end) = ("<!-- inventory -->\n", "<!-- end of inventory -->");
    let shown = page.split(start).nth(1).and_then(|rest| rest.split(end).next());
    let expected = render_table();
    if shown.map(str::trim) != Some(expected.trim()) {
        let path = repository_root().join("target/doctor-inventory.md");
        fs::write(&path, expected).unwrap();
        panic!(
            "docs/DOCTOR.md does not list the inventory; what it must hold is in target/doctor-inventory.md"
        );
    }
}

#[tokio::test]
async fn the_pages_sample_is_what_the_doctor_writes() {
    let bench = crate::support::seeded_bench().await;
    assert!(bench.tenant.break_assumption("rw-vat-inclusive"));
    assert!(bench.company.break_assumption("pf-line-price"));
    let whole = doctor::render_findings(&bench.examine_peers().await);
    let target = repository_root().join("target");
    // Cargo may build elsewhere.
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("doctor-sample.txt"), &whole).unwrap();
    let page = fs::read_to_string(repository_root().join("docs/DOCTOR.md")).unwrap();
    let refuted = whole.split("NOT DECIDED").next().unwrap();
    let summary = whole.lines().last().unwrap();
    let first_confirmed: Vec<&str> = whole.split("CONFIRMED (").nth(1).unwrap().lines().take(4).collect();
    for part in [refuted.trim_end(), summary, &first_confirmed.join("\n")] {
        assert!(page.contains(part), "the sample lacks:\n{part}");
    }
}
