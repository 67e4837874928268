//! A problem in the reader's words, for any page that shows one.

use super::layout::Layout;
use domain::problem::Problem;
use domain::text;

/// Longest text shown of what a peer or a person wrote.
const LONGEST: usize = 600;

/// A problem in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its code, for anchors.
    pub code: &'static str,
    /// What it is called.
    pub title: String,
    /// What exactly is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl Told {
    /// In the reader's language.
    pub fn of(problem: &Problem, page: &Layout) -> Self {
        let rendered = text::render(problem, page.language);
        Self {
            code: problem.code.as_str(),
            title: page.typeset(&rendered.title),
            message: short(&page.typeset(&rendered.message), LONGEST),
            fix: page.typeset(&rendered.fix),
        }
    }
}

/// The beginning of a text that may be of any length.
pub fn short(text: &str, longest: usize) -> String {
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
        assert_eq!(short("é".repeat(5).as_str(), 5), "ééééé");
        assert_eq!(short("é".repeat(6).as_str(), 5), "éééé…");
        assert_eq!(short("", 0), "");
    }
}
