//! The texts of the pages in four languages, from `texts/*.json`, which a translator can edit. The texts of problems,
//! explanations and settings are in `domain`.

use domain::Language;
use std::collections::BTreeMap;
use std::sync::LazyLock;

type Section = BTreeMap<String, String>;
type Texts = BTreeMap<String, Section>;

macro_rules! embed_texts {
    ($({ constant: $constant:ident, tag: $tag:literal, $($rest:tt)* },)*) => {
        const FILES: &[(&str, &str)] = &[$(($tag, include_str!(concat!("../../texts/", $tag, ".json")))),*];
    };
}
domain::for_each_language!(embed_texts);

// The files are compiled in, and a test proves that they parse.
static TEXTS: LazyLock<BTreeMap<&str, Texts>> = LazyLock::new(|| {
    let texts = FILES.iter().map(|(tag, json)| (*tag, serde_json::from_str(json).unwrap_or_default()));
    texts.collect()
});

/// A text by its key, `section.name`. Without such a text the key itself; a test proves that every key in use has its text.
pub fn text_for(key: &'static str, language: Language) -> &'static str {
    key.split_once('.').and_then(|(section, name)| find_text(section, name, language)).unwrap_or(key)
}

/// A text by its section and a name that is only known at run time; `None` when there is no such text.
pub fn find_text(section: &str, name: &str, language: Language) -> Option<&'static str> {
    let text = TEXTS.get(language.tag)?.get(section)?.get(name)?;
    Some(text.as_str())
}

/// A text by its key, with its arguments filled in.
pub fn fill_text(key: &'static str, values: &[(&str, &str)], language: Language) -> String {
    domain::text::fill_in_values(text_for(key, language), values)
}

/// The first language of the header `Accept-Language` that the pages have, else English.
pub fn accepted_language(header: Option<&str>) -> Language {
    let wanted = header.unwrap_or_default().split(',');
    wanted
        .filter_map(|part| part.trim().get(..2))
        .find_map(|tag| Language::from_tag(&tag.to_ascii_lowercase()))
        .unwrap_or(Language::EN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn flatten_texts(language: Language) -> BTreeMap<String, String> {
        TEXTS[language.tag]
            .iter()
            .flat_map(|(section, names)| {
                names.iter().map(move |(name, text)| (format!("{section}.{name}"), text.clone()))
            })
            .collect()
    }

    #[test]
    fn french_has_no_break_spaces_before_its_double_signs() {
        for (key, text) in flatten_texts(Language::FR) {
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

    fn collect_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect_files(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_key_in_templates_and_code_has_its_text() {
        let english = flatten_texts(Language::EN);
        let sections: BTreeSet<String> =
            english.keys().filter_map(|key| Some(key.split_once('.')?.0.to_owned())).collect();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        collect_files(&root.join("templates"), &mut files);
        collect_files(&root.join("src/pages"), &mut files);
        let mut used = BTreeSet::new();
        for file in &files {
            keys_in(&std::fs::read_to_string(file).unwrap(), &sections, &mut used);
        }
        let unknown: Vec<_> = used.iter().filter(|key| !english.contains_key(*key)).collect();
        assert!(unknown.is_empty(), "no such texts: {unknown:?}");
        assert!(used.len() > 20, "the search finds keys: {used:?}");
        // The keys of these sections are put together at run time, so no file names them.
        let put_together = ["done", "order_state", "order_status", "set_up_field", "set_up_state"];
        let unused: Vec<_> = english
            .keys()
            .filter(|key| !used.contains(*key))
            .filter(|key| !put_together.iter().any(|section| key.starts_with(&format!("{section}."))))
            .collect();
        assert!(unused.is_empty(), "never shown: {unused:?}");
    }

    #[test]
    fn the_browsers_language_is_taken_where_we_speak_it() {
        assert_eq!(accepted_language(Some("fr-BE,fr;q=0.9,en;q=0.8")), Language::FR);
        assert_eq!(accepted_language(Some("es, DE;q=0.5")), Language::DE);
        assert_eq!(accepted_language(Some("é")), Language::EN);
        assert_eq!(accepted_language(None), Language::EN);
    }
}
