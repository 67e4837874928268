//! docs/SECURITY.md names a test for each threat; this sees to it that they exist, and that what is built in is pinned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read_text(path: &str) -> String {
    std::fs::read_to_string(repository_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of all test functions below a folder.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" && name != "target" {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in source.lines().map(str::trim_start) {
                is_test |= ["#[test]", "#[tokio::test", "#[rstest"].iter().any(|mark| line.starts_with(mark));
                let declared = line.trim_start_matches("async ").strip_prefix("fn ");
                if let Some(rest) = declared {
                    if is_test {
                        found.extend(rest.split(['(', '<']).next().map(str::to_owned));
                    }
                    is_test = false;
                }
            }
        }
    }
}

#[test]
fn every_threat_has_a_test_that_exists() {
    let mut tests = BTreeSet::new();
    for folder in ["functions", "shared", "infra", "tests"] {
        tests_below(&repository_root().join(folder), &mut tests);
    }
    let document = read_text("docs/SECURITY.md");
    let (_, threats) = document.split_once("\n## Threats").unwrap();
    let (threats, _) = threats.split_once("\n## ").unwrap();
    let rows: Vec<Vec<&str>> = threats
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| threat"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 25, "{} threats", rows.len());
    for row in rows {
        let [threat, _, named] = row.as_slice() else {
            panic!("three columns: {row:?}");
        };
        let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test stands behind: {threat}");
        for name in named {
            assert!(tests.contains(name), "{threat}: there is no test {name}");
        }
    }
}

/// Where a token or a signature meets what a stranger sent.
#[test]
fn tokens_and_signatures_are_compared_in_constant_time() {
    for (path, compared) in [
        ("functions/web/src/operator.rs", ".ct_eq("),
        ("functions/web/src/pages/session.rs", ".verify_slice("),
        ("functions/article-push/src/signature.rs", ".verify_slice("),
    ] {
        let source = read_text(path);
        let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
        assert!(code.contains(compared), "{path}");
        for plain in ["signature ==", "== signature", "token ==", "== token", "mac =="] {
            assert!(!code.contains(plain), "{path}: {plain}");
        }
    }
}

#[test]
fn everything_that_is_built_in_is_pinned() {
    let lock = read_text("Cargo.lock");
    for package in lock.split("[[package]]").skip(1) {
        let from = package.lines().find_map(|line| line.strip_prefix("source = "));
        if let Some(from) = from {
            assert_eq!(from, "\"registry+https://github.com/rust-lang/crates.io-index\"", "{package}");
            assert!(package.contains("checksum = "), "{package}");
        }
    }
    let lock: serde_json::Value =
        serde_json::from_str(&read_text("tests/browser/package-lock.json")).unwrap();
    for (name, package) in lock["packages"].as_object().unwrap() {
        assert!(name.is_empty() || package["integrity"].is_string(), "{name}");
    }
    for path in [
        "tests/acceptance/requirements.txt",
        "tests/template/requirements.txt",
        "tests/template/scan-requirements.txt",
        "tests/workflows/requirements.txt",
    ] {
        for line in read_text(path).lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            assert!(line.contains("=="), "{path}: {line}");
        }
    }
    for path in [".ci/quick", ".ci/run", ".ci/long", "infra/release/run"] {
        let unlocked =
            ["cargo build", "cargo lambda build", "cargo test", "cargo clippy", "cargo install", "cargo run"];
        for line in read_text(path).lines() {
            let line = line.split('#').next().unwrap_or_default();
            let builds = unlocked.iter().any(|command| line.trim_start().starts_with(command));
            assert!(!builds || line.contains("--locked"), "{path}: {line}");
        }
    }
    assert!(read_text("deny.toml").contains("unknown-registry = \"deny\""));
    assert!(read_text("justfile").contains("cargo deny check advisories"));
}
