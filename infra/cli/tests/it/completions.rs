//! The completions of every shell, and the help text.

use crate::shop::{run_connector, test_environment};
use rstest::rstest;

#[rstest]
#[case("bash", "complete -F _connector")]
#[case("zsh", "#compdef connector")]
#[case("fish", "complete -c connector")]
#[case("powershell", "Register-ArgumentCompleter -Native -CommandName 'connector'")]
#[case("elvish", "edit:completion:arg-completer[connector]")]
#[tokio::test]
async fn completions_are_generated(#[case] shell: &str, #[case] mark: &str) {
    let run = run_connector(&test_environment(), &["completions", shell], "").await;
    assert_eq!((run.exit, run.err.as_str()), (0, ""));
    assert!(run.out.contains(mark), "{}", run.out);
    assert!(run.out.contains("dead-letters") && run.out.contains("catch-up"));
}

#[tokio::test]
async fn help_and_version_are_no_errors() {
    for arguments in
        [&["--help"][..], &["--version"], &["connection", "--help"], &["help", "order", "settle"]]
    {
        let run = run_connector(&test_environment(), arguments, "").await;
        assert_eq!((run.exit, run.err.as_str()), (0, ""), "{arguments:?}");
    }
    let run = run_connector(&test_environment(), &["--help"], "").await;
    insta::assert_snapshot!("help", run.out);
}
