//! The texts of the pages in four languages, from `texts/*.json`, which a translator can edit. The texts of problems,
//! explanations and settings are in `domain`.

use domain::settings::Language;
use std::collections::BTreeMap;
use std::sync::LazyLock;

type Section = BTreeMap<String, String>;
type Texts = BTreeMap<String, Section>;

static EN: LazyLock<Texts> = LazyLock::new(|| parse(include_str!("../../texts/en.json")));
static DE: LazyLock<Texts> = LazyLock::new(|| parse(include_str!("../../texts/de.json")));
static FR: LazyLock<Texts> = LazyLock::new(|| parse(include_str!("../../texts/fr.json")));
static NL: LazyLock<Texts> = LazyLock::new(|| parse(include_str!("../../texts/nl.json")));

// The files are compiled in, and a test proves that they parse.
fn parse(json: &str) -> Texts {
    serde_json::from_str(json).unwrap_or_default()
}

/// A text by its key, `section.name`. Without such a text the key itself; a test proves that every key in use has its text.
pub fn text(key: &'static str, language: Language) -> &'static str {
    let texts: &'static Texts = match language {
        Language::En => &EN,
        Language::De => &DE,
        Language::Fr => &FR,
        Language::Nl => &NL,
    };
    key.split_once('.')
        .and_then(|(section, name)| texts.get(section)?.get(name))
        .map_or(key, String::as_str)
}

/// A text by its section and a name that is only known at run time; `None` when there is no such text.
pub fn find(section: &str, name: &str, language: Language) -> Option<&'static str> {
    let texts: &'static Texts = match language {
        Language::En => &EN,
        Language::De => &DE,
        Language::Fr => &FR,
        Language::Nl => &NL,
    };
    texts.get(section)?.get(name).map(String::as_str)
}

/// A text by its key, with its arguments filled in.
pub fn filled(key: &'static str, values: &[(&str, &str)], language: Language) -> String {
    domain::text::fill_in(text(key, language), values)
}

/// The languages: code, and the name of the language in itself.
pub const LANGUAGES: [(Language, &str, &str); 4] = [
    (Language::Nl, "nl", "Nederlands"),
    (Language::Fr, "fr", "Français"),
    (Language::De, "de", "Deutsch"),
    (Language::En, "en", "English"),
];

/// The language with this code.
pub fn language(code: &str) -> Option<Language> {
    let known = LANGUAGES.iter().find(|(_, known, _)| *known == code);
    known.map(|(language, ..)| *language)
}

/// The code of a language, for example `nl`.
pub fn code(language: Language) -> &'static str {
    let known = LANGUAGES.iter().find(|(known, ..)| *known == language);
    known.map_or("en", |(_, code, _)| *code)
}

/// The first language of the header `Accept-Language` that the pages have, else English.
pub fn accepted(header: Option<&str>) -> Language {
    let wanted = header.unwrap_or_default().split(',');
    wanted
        .filter_map(|part| part.trim().get(..2))
        .find_map(|code| language(&code.to_ascii_lowercase()))
        .unwrap_or(Language::En)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    const ALL: [(Language, &str); 4] = [
        (Language::En, include_str!("../../texts/en.json")),
        (Language::De, include_str!("../../texts/de.json")),
        (Language::Fr, include_str!("../../texts/fr.json")),
        (Language::Nl, include_str!("../../texts/nl.json")),
    ];

    fn arguments(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|part| Some(part.split_once('}')?.0))
            .collect()
    }

    fn flat(json: &str) -> BTreeMap<String, String> {
        let texts: Texts = serde_json::from_str(json).unwrap();
        texts
            .into_iter()
            .flat_map(|(section, names)| {
                names
                    .into_iter()
                    .map(move |(name, text)| (format!("{section}.{name}"), text))
            })
            .collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_arguments() {
        let english = flat(ALL[0].1);
        for (language, json) in &ALL[1..] {
            let other = flat(json);
            let missing: Vec<_> = english.keys().filter(|key| !other.contains_key(*key)).collect();
            let surplus: Vec<_> = other.keys().filter(|key| !english.contains_key(*key)).collect();
            assert!(
                missing.is_empty() && surplus.is_empty(),
                "{language:?}: {missing:?} {surplus:?}"
            );
            for (key, text) in &english {
                assert_eq!(arguments(text), arguments(&other[key]), "{language:?} {key}");
                assert!(!other[key].trim().is_empty(), "{language:?} {key}");
            }
        }
    }

    #[test]
    fn french_has_no_break_spaces_before_its_double_signs() {
        for (key, text) in flat(ALL[2].1) {
            for sign in [" :", " ;", " ?", " !", "« ", " »"] {
                assert!(!text.contains(sign), "{key}: {text}");
            }
        }
    }

    /// Collects every quoted `section.name` of a file whose section exists.
    fn keys_in(text: &str, sections: &BTreeSet<String>, found: &mut BTreeSet<String>) {
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        for (at, _) in text.match_indices('"') {
            let Some((section, rest)) = text[at + 1..].split_once('.') else {
                continue;
            };
            let end = rest.bytes().position(|b| !is_name(b)).unwrap_or(rest.len());
            if sections.contains(section) && end > 0 && &rest[..end] != "html" && rest[end..].starts_with('"')
            {
                found.insert(format!("{section}.{}", &rest[..end]));
            }
        }
    }

    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_key_in_templates_and_code_has_its_text() {
        let english = flat(ALL[0].1);
        let sections: BTreeSet<String> = english
            .keys()
            .filter_map(|key| Some(key.split_once('.')?.0.to_owned()))
            .collect();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        sources(&root.join("templates"), &mut files);
        sources(&root.join("src/pages"), &mut files);
        let mut used = BTreeSet::new();
        for file in &files {
            keys_in(&std::fs::read_to_string(file).unwrap(), &sections, &mut used);
        }
        let unknown: Vec<_> = used.iter().filter(|key| !english.contains_key(*key)).collect();
        assert!(unknown.is_empty(), "no such texts: {unknown:?}");
        assert!(used.len() > 20, "the search finds keys: {used:?}");
        // The keys of these sections are put together at run time, so no file names them.
        let put_together = [
            "done",
            "order_state",
            "order_status",
            "set_up_field",
            "set_up_state",
        ];
        let unused: Vec<_> = english
            .keys()
            .filter(|key| !used.contains(*key))
            .filter(|key| {
                !put_together
                    .iter()
                    .any(|section| key.starts_with(&format!("{section}.")))
            })
            .collect();
        assert!(unused.is_empty(), "never shown: {unused:?}");
    }

    #[test]
    fn the_browsers_language_is_taken_where_we_speak_it() {
        assert_eq!(accepted(Some("fr-BE,fr;q=0.9,en;q=0.8")), Language::Fr);
        assert_eq!(accepted(Some("es, DE;q=0.5")), Language::De);
        assert_eq!(accepted(Some("é")), Language::En);
        assert_eq!(accepted(None), Language::En);
    }
}
