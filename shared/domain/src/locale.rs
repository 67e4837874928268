//! The languages in which people are spoken to. One row of [`for_each_language`](crate::for_each_language) is one language: how it is called,
//! and how it writes numbers and days. Its texts are the files `texts/<tag>.json` of this crate and of the function `web`.

use crate::text::{Texts, parse_texts};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::LazyLock;

/// Hands all rows to a macro that builds something of them. A new language is one row here, and its text files.
#[macro_export]
macro_rules! for_each_language {
    ($build:ident) => {
        $build! {
            {
                constant: NL, tag: "nl", name: "Nederlands",
                decimal_sign: ",", group_sign: ".", amount: "€ {}", percentage: "{}%", day: "%d/%m/%Y",
                has_spaced_punctuation: false,
            },
            {
                constant: FR, tag: "fr", name: "Français",
                decimal_sign: ",", group_sign: "\u{a0}", amount: "{} €", percentage: "{}\u{a0}%", day: "%d/%m/%Y",
                has_spaced_punctuation: true,
            },
            {
                constant: DE, tag: "de", name: "Deutsch",
                decimal_sign: ",", group_sign: ".", amount: "{} €", percentage: "{}\u{a0}%", day: "%d.%m.%Y",
                has_spaced_punctuation: false,
            },
            {
                constant: EN, tag: "en", name: "English",
                decimal_sign: ".", group_sign: ",", amount: "€{}", percentage: "{}%", day: "%-d %b %Y",
                has_spaced_punctuation: false,
            },
        }
    };
}

/// How one language is called, and how it writes numbers and days.
#[derive(Debug)]
pub struct Locale {
    /// Tag of BCP 47, by which the API, the table and the text files name the language.
    pub tag: &'static str,
    /// Name of the language in itself.
    pub name: &'static str,
    pub decimal_sign: &'static str,
    /// Stands between groups of three digits.
    pub group_sign: &'static str,
    /// An amount in euros. `{}` stands for the number.
    pub amount: &'static str,
    /// `{}` stands for the number.
    pub percentage: &'static str,
    /// A day, as a format of `strftime`.
    pub day: &'static str,
    /// Whether a no-break space stands before `:`, `;`, `?`, `!` and inside quotation marks.
    pub has_spaced_punctuation: bool,
    pub(crate) texts: fn() -> &'static Texts,
}

/// A language that the connector speaks.
#[derive(Clone, Copy)]
pub struct Language(&'static Locale);

macro_rules! build_languages {
    ($({ constant: $constant:ident, tag: $tag:literal, name: $name:literal, $($field:ident: $value:expr,)* },)*) => {
        $(static $constant: Locale = Locale {
            tag: $tag,
            name: $name,
            $($field: $value,)*
            texts: || {
                static TEXTS: LazyLock<Texts> =
                    LazyLock::new(|| parse_texts(include_str!(concat!("../texts/", $tag, ".json"))));
                &TEXTS
            },
        };)*

        impl Language {
            $(pub const $constant: Self = Self(&$constant);)*
            /// All languages, in the order of the rows.
            pub const ALL: &[Self] = &[$(Self::$constant),*];
            /// The tags of all languages, in the same order.
            pub const TAGS: &[&str] = &[$($tag),*];
        }
    };
}
for_each_language!(build_languages);

impl Language {
    /// The language with this tag, as the API and the table name it.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|language| language.tag == tag)
    }

    /// A language that is no row, to try in a test what a row alone gives.
    #[cfg(test)]
    pub(crate) fn from_locale(locale: &'static Locale) -> Self {
        Self(locale)
    }
}

impl Deref for Language {
    type Target = Locale;

    fn deref(&self) -> &Locale {
        self.0
    }
}

/// Dutch, the language of the manual.
impl Default for Language {
    fn default() -> Self {
        Self::NL
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.tag)
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag
    }
}

impl Eq for Language {}

impl Hash for Language {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag.hash(state);
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.tag)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tag = String::deserialize(deserializer)?;
        Self::from_tag(&tag).ok_or_else(|| de::Error::unknown_variant(&tag, Self::TAGS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Cents;
    use crate::problem::{Arg, Holds, Problem, ProblemCode, build_args};
    use crate::text;

    /// English with every text in brackets: a text that comes from elsewhere would stand without.
    fn made_up_texts() -> &'static Texts {
        static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
            let mut json: serde_json::Value = serde_json::from_str(include_str!("../texts/en.json")).unwrap();
            bracket_texts(&mut json);
            parse_texts(&json.to_string())
        });
        &TEXTS
    }

    fn bracket_texts(json: &mut serde_json::Value) {
        match json {
            serde_json::Value::String(text) => *text = format!("[{text}]"),
            serde_json::Value::Object(section) => section.values_mut().for_each(bracket_texts),
            _ => panic!("neither a text nor a section"),
        }
    }

    static MADE_UP: Locale = Locale {
        tag: "x-made-up",
        name: "Made-up",
        decimal_sign: "_",
        group_sign: "'",
        amount: "EUR {}",
        percentage: "{} of 100",
        day: "%Y week %V day %u",
        has_spaced_punctuation: false,
        texts: made_up_texts,
    };

    #[test]
    fn a_fifth_language_is_one_row_and_its_texts() {
        let made_up = Language::from_locale(&MADE_UP);
        for code in ProblemCode::ALL {
            let rendered =
                text::render_problem(&Problem::new(*code, Holds::Nothing, build_args([])), made_up);
            for part in [&rendered.title, &rendered.message, &rendered.fix] {
                assert!(part.starts_with('['), "{}: {part}", code.as_str());
            }
        }
        let missing = Problem::new(
            ProblemCode::ArticleNotFound,
            Holds::Lines,
            build_args([("articles", Arg::List(vec!["A-9".to_owned()]))]),
        );
        assert_eq!(
            text::render_problem(&missing, made_up).message,
            "[The following article(s) could not be found in Robaws:] A-9"
        );
        assert_eq!(text::format_amount(Cents(123_456_789), made_up), "EUR 1'234'567_89");
        assert_eq!(text::format_percentage("25.5".parse().unwrap(), made_up), "25_5 of 100");
        assert_eq!(text::format_date("2026-11-23".parse().unwrap(), made_up), "2026 week 48 day 1");
        assert_eq!(text::setting_label("b2c_client_id", made_up), "[B2C client]");
    }

    #[test]
    fn a_tag_stands_for_its_language_wherever_it_is_written() {
        for language in Language::ALL {
            let written = serde_json::to_string(language).unwrap();
            assert_eq!(written, format!("\"{}\"", language.tag));
            assert_eq!(serde_json::from_str::<Language>(&written).unwrap(), *language);
        }
        let unknown = serde_json::from_str::<Language>("\"xx\"").unwrap_err().to_string();
        assert!(unknown.contains("expected one of `nl`, `fr`, `de`, `en`"), "{unknown}");
    }
}
