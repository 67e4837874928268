//! What every page has around its content: head, menu, languages; and the words that templates ask for.

use super::texts;
use domain::money::Cents;
use domain::settings::Language;
use jiff::Timestamp;

/// Where a page stands in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// None of them.
    None,
    /// Home.
    Home,
    /// Orders.
    Orders,
    /// Articles.
    Articles,
    /// Notifications.
    Notifications,
    /// Settings.
    Settings,
    /// The steps outside.
    Checklist,
    /// Errors and fixes.
    Help,
}

/// What every page has around its content.
pub struct Layout {
    /// Its title.
    pub title: String,
    /// Where it stands in the menu.
    pub tab: Tab,
    /// The reader's language.
    pub language: Language,
    /// Token of the session's forms.
    pub token: String,
    /// Path of the connection's home page.
    pub base: String,
    /// The connection; none before signing in.
    pub connection: Option<String>,
    /// The page itself, to come back to after choosing a language.
    pub here: String,
    /// What was just done.
    pub done: Option<&'static str>,
    /// Whether the connection was ever activated: before that there is only the set-up.
    pub is_set_up: bool,
    /// Its state as the API names it.
    pub state: &'static str,
}

impl Layout {
    /// A page of somebody who has not signed in.
    pub fn outside(title: &'static str, language: Language, token: String) -> Self {
        Self {
            title: texts::text(title, language).to_owned(),
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

    /// The code of the language.
    pub fn lang(&self) -> &'static str {
        texts::code(self.language)
    }

    /// A text.
    pub fn t(&self, key: &'static str) -> &'static str {
        texts::text(key, self.language)
    }

    /// A text with arguments.
    pub fn f(&self, key: &'static str, values: &[(&str, &str)]) -> String {
        texts::filled(key, values, self.language)
    }

    /// A text of a section by a name that is put together; the name itself when there is none.
    pub fn of(&self, section: &str, name: &str) -> String {
        texts::find(section, name, self.language).map_or_else(|| name.to_owned(), str::to_owned)
    }

    /// An amount.
    pub fn amount(&self, cents: Cents) -> String {
        domain::text::amount(cents, self.language)
    }

    /// A moment.
    pub fn moment(&self, at: Timestamp) -> String {
        domain::text::moment(at, self.language)
    }

    /// A text from `domain` with the no-break spaces that French wants on a page.
    pub fn typeset(&self, text: &str) -> String {
        typeset(text, self.language)
    }

    /// Path of the style sheet, which changes with it.
    pub fn style(&self) -> String {
        super::assets::style_path()
    }

    /// The menu's entries: path, text, and whether the page is there.
    pub fn menu(&self) -> Vec<(String, &'static str, bool)> {
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
            .map(|(path, key, tab)| (format!("{}{path}", self.base), self.t(key), tab == self.tab))
            .collect()
    }

    /// The languages: code, name, and whether it is this page's.
    pub fn languages(&self) -> Vec<(&'static str, &'static str, bool)> {
        texts::LANGUAGES
            .iter()
            .map(|(language, code, name)| (*code, *name, *language == self.language))
            .collect()
    }
}

/// French sets a no-break space before its double signs; the manual's own texts have ordinary ones.
pub fn typeset(text: &str, language: Language) -> String {
    if language != Language::Fr {
        return text.to_owned();
    }
    let mut set = text.to_owned();
    for sign in [":", ";", "?", "!", "»"] {
        set = set.replace(&format!(" {sign}"), &format!("\u{a0}{sign}"));
    }
    set.replace("« ", "«\u{a0}")
}
