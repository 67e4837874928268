//! What every page has around its content: head, menu and languages. Templates ask it for their texts.

use super::texts;
use domain::Language;
use domain::money::Cents;
use jiff::Timestamp;

/// The entry of the menu that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// No entry of the menu.
    None,
    Home,
    Orders,
    Articles,
    Notifications,
    Settings,
    Checklist,
    Help,
}

/// The parts of a page around its content.
pub struct Layout {
    pub title: String,
    pub tab: Tab,
    pub language: Language,
    /// Token that every form on the page carries.
    pub token: String,
    /// Path of the connection's home page; empty before signing in.
    pub base: String,
    /// Id of the connection; `None` before signing in.
    pub connection: Option<String>,
    /// Path and query of the page itself, to come back to after choosing a language.
    pub here: String,
    /// Message about what the reader just did, shown once.
    pub done: Option<&'static str>,
    /// Whether the connection was ever activated. Before that the set-up stands in place of the settings.
    pub is_set_up: bool,
    /// State of the connection as the API names it.
    pub state: &'static str,
}

impl Layout {
    /// The layout for a reader who has not signed in.
    pub fn for_visitor(title: &'static str, language: Language, token: String) -> Self {
        Self {
            title: texts::text_for(title, language).to_owned(),
            tab: Tab::None,
            language,
            token,
            base: String::new(),
            connection: None,
            here: String::new(),
            done: None,
            is_set_up: false,
            state: "inactive",
        }
    }

    /// Code of the language for the attribute `lang`.
    pub fn language_code(&self) -> &'static str {
        self.language.tag
    }

    /// A text by its key, `section.name`.
    pub fn text_for(&self, key: &'static str) -> &'static str {
        texts::text_for(key, self.language)
    }

    /// A text by its key, with its arguments filled in.
    pub fn fill_text(&self, key: &'static str, values: &[(&str, &str)]) -> String {
        texts::fill_text(key, values, self.language)
    }

    /// A text by its section and a name that is only known at run time; the name itself when there is no such text.
    pub fn text_in_section(&self, section: &str, name: &str) -> String {
        texts::find_text(section, name, self.language).map_or_else(|| name.to_owned(), str::to_owned)
    }

    /// An amount as the reader's language writes it.
    pub fn format_amount(&self, cents: Cents) -> String {
        domain::text::format_amount(cents, self.language)
    }

    /// A moment as the reader's language writes it, in Brussels time.
    pub fn format_moment(&self, at: Timestamp) -> String {
        domain::text::format_moment(at, self.language)
    }

    /// A text from `domain` with the no-break spaces that French needs.
    pub fn typeset_text(&self, text: &str) -> String {
        typeset_for_language(text, self.language)
    }

    /// Path of the style sheet.
    pub fn style_path(&self) -> String {
        super::assets::style_path()
    }

    /// The entries of the menu: path, text, and whether the page belongs to the entry.
    pub fn menu_entries(&self) -> Vec<(String, &'static str, bool)> {
        let entries: [(&str, &'static str, Tab); 7] = [
            ("", "menu.home", Tab::Home),
            ("/orders", "menu.orders", Tab::Orders),
            ("/articles", "menu.articles", Tab::Articles),
            ("/notifications", "menu.notifications", Tab::Notifications),
            ("/settings", "menu.settings", Tab::Settings),
            ("/checklist", "menu.checklist", Tab::Checklist),
            ("/help", "menu.help", Tab::Help),
        ];
        entries
            .into_iter()
            .map(|(path, key, tab)| (format!("{}{path}", self.base), self.text_for(key), tab == self.tab))
            .collect()
    }

    /// The languages: code, name, and whether the page is in this language.
    pub fn language_options(&self) -> Vec<(&'static str, &'static str, bool)> {
        let languages = Language::ALL.iter();
        languages.map(|language| (language.tag, language.name, *language == self.language)).collect()
    }
}

/// Puts the no-break spaces of French before `:`, `;`, `?`, `!` and `»`, and after `«`. The manual's texts have ordinary spaces.
pub fn typeset_for_language(text: &str, language: Language) -> String {
    if !language.has_spaced_punctuation {
        return text.to_owned();
    }
    let mut set = text.to_owned();
    for sign in [":", ";", "?", "!", "»"] {
        set = set.replace(&format!(" {sign}"), &format!("\u{a0}{sign}"));
    }
    set.replace("« ", "«\u{a0}")
}
