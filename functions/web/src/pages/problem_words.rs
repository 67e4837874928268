//! A problem in the reader's words, for every page that shows problems.

use super::layout::Layout;
use domain::problem::Problem;
use domain::text;

/// Longest message shown, in characters: it may quote what a peer or a person wrote.
const LONGEST: usize = 600;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemWords {
    /// Code of the problem, used as an anchor on the page.
    pub code: &'static str,
    pub title: String,
    /// What exactly is wrong, at most 600 characters.
    pub message: String,
    pub fix: String,
}

impl ProblemWords {
    /// Words a problem in the language of the page.
    pub fn from_problem(problem: &Problem, page: &Layout) -> Self {
        let rendered = text::render_problem(problem, page.language);
        Self {
            code: problem.code.as_str(),
            title: page.typeset_text(&rendered.title),
            message: shorten_to(&page.typeset_text(&rendered.message), LONGEST),
            fix: page.typeset_text(&rendered.fix),
        }
    }
}

/// The text, or, when it is longer than `longest` characters, its beginning and an ellipsis.
pub fn shorten_to(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(longest.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_texts_are_cut() {
        assert_eq!(shorten_to("é".repeat(5).as_str(), 5), "ééééé");
        assert_eq!(shorten_to("é".repeat(6).as_str(), 5), "éééé…");
        assert_eq!(shorten_to("", 0), "");
    }
}
