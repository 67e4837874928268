//! The directory of `--data`: what is refused, and who may read it.

use local::Directory;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A path below the target directory at which nothing exists.
pub(crate) fn fresh_path(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    path
}

/// The program with this directory, its peers on free ports.
pub(crate) fn local_program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command
        .args(["--robaws-port", "0", "--productflow-port", "0", "--poll-every", "1"])
        .arg("--data")
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn refusal_text(directory: &Path) -> String {
    let error = Directory::open(directory).unwrap_err();
    let said = format!("{error:#}");
    assert!(said.contains(&directory.display().to_string()), "{said}");
    said
}

#[test]
fn a_directory_serves_one_process_at_a_time() {
    let path = fresh_path("in-use");
    let used = Directory::open(&path).unwrap();
    assert!(refusal_text(&path).ends_with("another process uses it"));
    let refused = local_program(&path).stderr(Stdio::piped()).output().unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(path.to_str().unwrap()) && said.contains("another process uses it"), "{said}");
    drop(used);
    Directory::open(&path).unwrap();
}

#[test]
fn what_a_newer_version_left_is_refused_as_it_is() {
    let path = fresh_path("newer");
    drop(Directory::open(&path).unwrap());
    std::fs::write(path.join("schema"), "2\n").unwrap();
    assert!(refusal_text(&path).ends_with("it is of a newer version (2, known here: 1)"));
    assert_eq!(std::fs::read_to_string(path.join("schema")).unwrap(), "2\n");
    assert!(!path.join("table.sqlite").exists());
    std::fs::write(path.join("schema"), "one\n").unwrap();
    assert!(refusal_text(&path).contains("holds no number"));
}

#[test]
fn what_is_not_ours_is_refused() {
    let path = fresh_path("other");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("thesis.txt"), "x").unwrap();
    assert!(refusal_text(&path).contains("it holds thesis.txt"));
    let left = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["thesis.txt"]);
    let file = path.join("thesis.txt");
    assert!(refusal_text(&file).contains("it can't be made"));
}

#[tokio::test]
async fn what_can_not_be_read_is_named() {
    let start = |directory| local::stack::StackOptions {
        directory: Some(directory),
        ..local::stack::StackOptions::default()
    };
    for (file, said) in [("secrets.json", "the secrets in"), ("table.sqlite", "the table in")] {
        let path = fresh_path("damaged");
        let directory = Directory::open(&path).unwrap();
        std::fs::write(path.join(file), "no JSON, and no database either").unwrap();
        let clock = std::sync::Arc::new(runtime::clock::SystemClock);
        let Err(error) = local::Stack::start_with_options(clock, start(directory)).await else {
            panic!("{file} was read");
        };
        let error = format!("{error:#}");
        assert!(error.contains(said) && error.contains(path.to_str().unwrap()), "{error}");
        assert!(!error.contains("no JSON"), "{error}");
    }
}

#[tokio::test]
async fn only_its_owner_may_read_it() {
    let path = fresh_path("owner");
    let start = local::stack::StackOptions {
        directory: Some(Directory::open(&path).unwrap()),
        ..local::stack::StackOptions::default()
    };
    let clock = std::sync::Arc::new(runtime::clock::SystemClock);
    let stack = local::Stack::start_with_options(clock, start).await.unwrap();
    simulators::demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    local::runner::create_demo_connection(&stack).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(
        names,
        ["lock", "schema", "secrets.json", "table.sqlite", "table.sqlite-shm", "table.sqlite-wal"]
    );
}
