//! The texts for people in four languages. They come from `texts/*.json`, which a translator can edit.

use crate::invoice::{BOOKKEEPING_ZONE, bookkeeping_day};
use crate::locale::Language;
use crate::money::Cents;
use crate::problem::{Arg, Args, Problem, ProblemCode};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// All texts of one language, by section and key.
#[derive(Debug, Deserialize, Default)]
pub(crate) struct Texts {
    problems: BTreeMap<String, ProblemText>,
    explanations: BTreeMap<String, String>,
    effects: BTreeMap<String, String>,
    invoice: BTreeMap<String, String>,
    settings: BTreeMap<String, String>,
    activation: BTreeMap<String, String>,
    changes: BTreeMap<String, String>,
    misc: BTreeMap<String, String>,
    errors: BTreeMap<String, String>,
    countries: BTreeMap<String, String>,
    tasks: BTreeMap<String, String>,
}

/// The texts of one problem before their arguments are filled in.
#[derive(Debug, Deserialize)]
struct ProblemText {
    title: String,
    message: String,
    fix: String,
}

/// A problem in the words of one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedProblem {
    /// A short title without arguments.
    pub title: String,
    /// A sentence that says what exactly is wrong.
    pub message: String,
    /// A sentence that says what to do.
    pub fix: String,
}

// The files are compiled in, and a test proves that they parse, so the default is never used.
pub(crate) fn parse_texts(json: &str) -> Texts {
    serde_json::from_str(json).unwrap_or_default()
}

fn texts_in(language: Language) -> &'static Texts {
    (language.texts)()
}

/// The text of a key, or the key itself when there is no text.
fn find_text<'a>(section: &'a BTreeMap<String, String>, key: &'a str) -> &'a str {
    section.get(key).map_or(key, String::as_str)
}

/// Turns a problem into text.
pub fn render_problem(problem: &Problem, language: Language) -> RenderedProblem {
    let mut key = problem.code.as_str();
    if problem.code == ProblemCode::TotalMismatch {
        if problem.args.contains_key("credit_note") {
            key = "total_mismatch_credit_note";
        } else if !problem.args.contains_key("invoice") {
            // Without an invoice the two totals are those of the order: its own and the sum of its lines.
            key = "total_mismatch_order";
        }
    }
    let Some(text) = texts_in(language).problems.get(key) else {
        return RenderedProblem { title: key.to_owned(), message: key.to_owned(), fix: String::new() };
    };
    let mut message = fill_in_args(&text.message, &problem.args, language);
    // The manual's messages with a list end in a colon. The list follows after one space.
    if !text.message.contains('{') {
        let lists: Vec<String> = problem
            .args
            .values()
            .filter_map(|arg| match arg {
                Arg::List(items) => Some(items.join(", ")),
                _ => None,
            })
            .collect();
        if !lists.is_empty() {
            message = format!("{} {}", message.trim_end(), lists.join(", "));
        }
    }
    RenderedProblem {
        title: text.title.clone(),
        message,
        fix: fill_in_args(&text.fix, &problem.args, language),
    }
}

/// Describes a problem in general. An ellipsis stands for each argument.
pub fn describe_problem_code(code: ProblemCode, language: Language) -> RenderedProblem {
    let Some(text) = texts_in(language).problems.get(code.as_str()) else {
        return RenderedProblem {
            title: code.as_str().to_owned(),
            message: String::new(),
            fix: String::new(),
        };
    };
    let general = |text: &str| fill_in_with(text, |_| Some("…".to_owned()));
    RenderedProblem { title: text.title.clone(), message: general(&text.message), fix: general(&text.fix) }
}

/// Turns one sentence of an explanation into text.
pub fn render_explanation(code: &str, args: &Args, language: Language) -> String {
    fill_in_args(find_text(&texts_in(language).explanations, code), args, language)
}

/// The words for an effect. `name` comes from [`crate::plan::effect_name`].
pub fn effect_label(name: &str, language: Language) -> String {
    find_text(&texts_in(language).effects, name).to_owned()
}

/// The text of an invoice line for `shipping_cost`, `transaction_price`, `additional_price` or `discount_price`.
pub fn invoice_line_label(name: &str, language: Language) -> &'static str {
    texts_in(language).invoice.get(name).map_or("", String::as_str)
}

/// The words for a setting. `name` is the setting's name in the API.
pub fn setting_label(name: &str, language: Language) -> &str {
    find_text(&texts_in(language).settings, name)
}

/// Says why activation refuses a field.
pub fn render_activation_refusal(field: &str, args: &Args, language: Language) -> String {
    fill_in_args(find_text(&texts_in(language).activation, field), args, language)
}

/// A text of a task in Robaws. `key` is `title`, `more`, `orders`, `sign_in_title` or `sign_in_text`.
pub fn render_task_text(key: &str, values: &[(&str, &str)], language: Language) -> String {
    fill_in_values(find_text(&texts_in(language).tasks, key), values)
}

/// The message of an API error.
pub fn render_api_error(key: &str, args: &Args, language: Language) -> String {
    fill_in_args(find_text(&texts_in(language).errors, key), args, language)
}

/// The remark on an invoice: identifier, marketplace, reference, day of shipping and country.
pub fn render_invoice_remark(
    language: Language,
    order: &str,
    marketplace: Option<&str>,
    reference: Option<&str>,
    shipped: Date,
    country: Option<&str>,
) -> String {
    let dash = find_text(&texts_in(language).misc, "none");
    let country_name = country.map_or_else(|| dash.to_owned(), |code| country_name(code, language));
    let filled = fill_in_with(find_text(&texts_in(language).invoice, "remark"), |name| match name {
        "order" => Some(order.to_owned()),
        "marketplace" => Some(marketplace.unwrap_or_default().to_owned()),
        "reference" => Some(reference.unwrap_or_default().to_owned()),
        "date" => Some(format_date(shipped, language)),
        "country" => Some(country_name.clone()),
        _ => None,
    });
    // When marketplace or number is missing, the separators around the gap are joined.
    filled.replace(" ·   · ", " · ").replace("·  ", "· ").replace("  ·", " ·")
}

/// The remark on a credit note: number and date of the invoice, then the order.
pub fn render_credit_note_remark(
    language: Language,
    invoice: &str,
    dated: Date,
    order: &str,
    marketplace: Option<&str>,
    reference: Option<&str>,
) -> String {
    let text = find_text(&texts_in(language).invoice, "credit_note_remark");
    let filled = fill_in_with(text, |name| match name {
        "invoice" => Some(invoice.to_owned()),
        "date" => Some(format_date(dated, language)),
        "order" => Some(order.to_owned()),
        "marketplace" => Some(marketplace.unwrap_or_default().to_owned()),
        "reference" => Some(reference.unwrap_or_default().to_owned()),
        _ => None,
    });
    // When marketplace or number is missing, the separator before the gap is dropped.
    filled.replace("·  ", "· ").trim_end().trim_end_matches(" ·").to_owned()
}

/// The line that the remark on an invoice gets for a business.
pub fn render_business_remark(language: Language, company: Option<&str>, vat_number: Option<&str>) -> String {
    fill_in_with(find_text(&texts_in(language).invoice, "business_remark"), |name| match name {
        "company" => Some(company.unwrap_or_default().to_owned()),
        "vat_number" => Some(vat_number.unwrap_or_default().to_owned()),
        _ => None,
    })
    .replace(":  ", ": ")
    .replace(" .", ".")
}

/// Replaces the buyer's words in a sentence of Robaws by ellipses. Robaws may repeat them from our remark, and they must not
/// be stored.
pub fn hide_business(sentence: &str, remark: &str) -> String {
    const PLACE: &str = "\u{0}";
    let written = remark.lines().last().unwrap_or_default();
    // The language of a connection can change after its remark was written.
    let business = Language::ALL.iter().find_map(|language| {
        let around = render_business_remark(*language, Some(PLACE), None);
        let (before, after) = around.split_once(PLACE)?;
        written.strip_prefix(before)?.strip_suffix(after)
    });
    let mut words: Vec<&str> = business.into_iter().flat_map(str::split_whitespace).collect();
    words.retain(|word| word.chars().count() > 2);
    // The longest word first, because a shorter word may be part of it.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let cover = |sentence: String, word: &&str| sentence.replace(word, "…");
    words.iter().fold(sentence.to_owned(), cover)
}

/// Name of a country. Returns the code itself when the code is unknown.
pub fn country_name(code: &str, language: Language) -> String {
    find_text(&texts_in(language).countries, &code.to_ascii_uppercase()).to_owned()
}

/// Formats an amount, for example `€ 64,93` in Dutch, `64,93 €` in French and German, `€64.93` in English.
pub fn format_amount(cents: Cents, language: Language) -> String {
    format_price(cents.to_euros(), language)
}

/// Formats a price with at least two decimals and as many as it has, for example `€ 0,1234`.
pub fn format_price(euros: Decimal, language: Language) -> String {
    let mut exact = euros.normalize();
    if exact.scale() < 2 {
        exact.rescale(2);
    }
    let sign = if exact.is_sign_negative() { "-" } else { "" };
    let plain = exact.abs().to_string();
    let (digits, rest) = plain.split_once('.').unwrap_or((plain.as_str(), "00"));
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push_str(language.group_sign);
        }
        grouped.push(digit);
    }
    let number = format!("{sign}{grouped}{}{rest}", language.decimal_sign);
    language.amount.replace("{}", &number)
}

/// Formats a percentage, for example `25,5%` in Dutch, `25,5 %` in French and German, `25.5%` in English.
pub fn format_percentage(percentage: Decimal, language: Language) -> String {
    let number = percentage.normalize().to_string().replace('.', language.decimal_sign);
    language.percentage.replace("{}", &number)
}

/// Formats a day, for example `30/11/2026` in Dutch and `30 Nov 2026` in English.
pub fn format_date(day: Date, language: Language) -> String {
    day.strftime(language.day).to_string()
}

/// Formats a moment to the minute, in the zone of the bookkeeping.
pub fn format_moment(at: Timestamp, language: Language) -> String {
    let time = BOOKKEEPING_ZONE.to_datetime(at).strftime("%H:%M").to_string();
    format!("{} {time}", format_date(bookkeeping_day(at), language))
}

/// Replaces each `{name}` in a text by its value. Braces within a value are not replaced.
pub fn fill_in_values(text: &str, values: &[(&str, &str)]) -> String {
    fill_in_with(text, |name| {
        let known = values.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| (*value).to_owned())
    })
}

fn fill_in_args(text: &str, args: &Args, language: Language) -> String {
    fill_in_with(text, |name| args.get(name).map(|arg| format_arg(arg, language)))
}

fn format_arg(arg: &Arg, language: Language) -> String {
    let texts = texts_in(language);
    match arg {
        Arg::Text(text) => text.clone(),
        Arg::List(items) => items.join(", "),
        Arg::Amount(cents) => format_amount(*cents, language),
        Arg::Time(at) => format_moment(*at, language),
        Arg::Changes(changes) => {
            let names: Vec<&str> = changes
                .iter()
                .filter_map(|c| serde_json::to_value(c).ok())
                .filter_map(|v| v.as_str().and_then(|name| texts.changes.get(name)))
                .map(String::as_str)
                .collect();
            names.join(", ")
        }
        Arg::Effect(name) => find_text(&texts.effects, name).to_owned(),
        Arg::Document { effect, number } => format!("{} {number}", find_text(&texts.effects, effect)),
        Arg::Setting(name) => find_text(&texts.settings, name).to_owned(),
        Arg::Phrase(name) => find_text(&texts.misc, name).to_owned(),
    }
}

/// Replaces each `{name}` once, from left to right. Braces within a value are not replaced, and unknown names stay.
fn fill_in_with(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        if let Some(close) = after.find('}') {
            match value(&after[..close]) {
                Some(text) => filled.push_str(&text),
                None => filled.push_str(&rest[open..=open + 1 + close]),
            }
            rest = &after[close + 1..];
        } else {
            filled.push_str(&rest[open..]);
            rest = "";
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Holds, build_args};
    use rstest::rstest;

    #[test]
    fn every_code_has_its_texts() {
        for code in ProblemCode::ALL {
            let rendered = render_problem(&Problem::new(*code, Holds::Nothing, Args::new()), Language::EN);
            assert!(!rendered.title.is_empty() && !rendered.fix.is_empty(), "{}", code.as_str());
            assert!(!rendered.title.contains('{'), "a title has no argument: {}", code.as_str());
        }
    }

    #[test]
    fn the_manuals_list_follows_its_colon() {
        let list = Arg::List(vec!["A-9".to_owned(), "B-2".to_owned()]);
        let problem =
            Problem::new(ProblemCode::ArticleNotFound, Holds::Lines, build_args([("articles", list)]));
        assert_eq!(
            render_problem(&problem, Language::EN).message,
            "The following article(s) could not be found in Robaws: A-9, B-2"
        );
        assert_eq!(
            render_problem(&problem, Language::NL).message,
            "Volgende artikel(s) konden niet worden gevonden in Robaws: A-9, B-2"
        );
    }

    #[rstest]
    #[case(&["order"], "Order PF-1 says")]
    #[case(&["order", "invoice"], "Invoice PF-1 amounts")]
    #[case(&["order", "credit_note"], "Credit note PF-1 amounts")]
    fn totals_that_differ_are_those_of_the_order_its_invoice_or_its_credit_note(
        #[case] of: &[&'static str],
        #[case] begins: &str,
    ) {
        let args = of.iter().map(|name| (*name, Arg::from("PF-1")));
        let problem = Problem {
            args: args.map(|(name, arg)| (name.to_owned(), arg)).collect(),
            ..Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, Args::new())
        };
        let message = render_problem(&problem, Language::EN).message;
        assert!(message.starts_with(begins), "{message}");
    }

    #[test]
    fn an_argument_is_never_taken_for_a_placeholder() {
        let filled =
            fill_in_args("{a} and {b}", &build_args([("a", "{b}".into()), ("b", "x".into())]), Language::EN);
        assert_eq!(filled, "{b} and x");
        for as_it_is in ["open { brace {c", "ab {nobody} c", "{} {nobody}{nobody}"] {
            assert_eq!(fill_in_args(as_it_is, &Args::new(), Language::EN), as_it_is);
        }
    }

    #[rstest]
    #[case(12_345, "€ 123,45", "123,45 €", "€123.45")]
    #[case(6493, "€ 64,93", "64,93 €", "€64.93")]
    #[case(123_456_789, "€ 1.234.567,89", "1\u{a0}234\u{a0}567,89 €", "€1,234,567.89")]
    #[case(-5, "€ -0,05", "-0,05 €", "€-0.05")]
    fn amounts_follow_the_language(#[case] cents: i64, #[case] nl: &str, #[case] fr: &str, #[case] en: &str) {
        assert_eq!(format_amount(Cents(cents), Language::NL), nl);
        assert_eq!(format_amount(Cents(cents), Language::FR), fr);
        assert_eq!(format_amount(Cents(cents), Language::EN), en);
    }

    #[rstest]
    #[case("4.5", "€ 4,50", "€4.50")]
    #[case("0.1234", "€ 0,1234", "€0.1234")]
    #[case("1234.5000", "€ 1.234,50", "€1,234.50")]
    #[case("0.00001", "€ 0,00001", "€0.00001")]
    #[case("12", "€ 12,00", "€12.00")]
    fn prices_follow_the_language(#[case] euros: &str, #[case] nl: &str, #[case] en: &str) {
        assert_eq!(format_price(euros.parse().unwrap(), Language::NL), nl);
        assert_eq!(format_price(euros.parse().unwrap(), Language::EN), en);
    }

    #[test]
    fn settings_have_names() {
        assert_eq!(setting_label("go_live", Language::EN), "Process orders from");
        assert_eq!(setting_label("b2c_client_id", Language::NL), "B2C klant");
        assert_eq!(setting_label("unheard_of", Language::FR), "unheard_of");
    }

    #[test]
    fn percentages_follow_the_language() {
        let of = |text: &str, language| format_percentage(text.parse().unwrap(), language);
        assert_eq!(of("21.00", Language::NL), "21%");
        assert_eq!(of("25.5", Language::FR), "25,5\u{a0}%");
        assert_eq!(of("25.5", Language::EN), "25.5%");
    }

    #[test]
    fn a_remark_names_marketplace_day_and_country() {
        let day = "2026-11-23".parse().unwrap();
        assert_eq!(
            render_invoice_remark(Language::EN, "PF-1", Some("bol.com"), Some("108"), day, Some("BE")),
            "ProductFlow PF-1 · bol.com 108 · shipped on 23 Nov 2026 to Belgium"
        );
        assert_eq!(
            render_invoice_remark(Language::NL, "PF-1", None, None, day, Some("be")),
            "ProductFlow PF-1 · verzonden op 23/11/2026 naar België"
        );
    }

    #[test]
    fn what_a_remark_says_of_a_business_is_not_repeated() {
        for language in Language::ALL {
            let remark = format!(
                "ProductFlow PF-1\n{}",
                render_business_remark(*language, Some("Bakkerij De Smet"), Some("BE0123456749"))
            );
            let sentence = "remark: VAT number BE0123456749 of Bakkerij De Smet is not valid";
            assert_eq!(
                hide_business(sentence, &remark),
                "remark: VAT number … of … De … is not valid",
                "{language:?}"
            );
            let only_number = render_business_remark(*language, None, Some("BE0123456749"));
            assert_eq!(hide_business("BE0123456749?", &only_number), "…?");
        }
        assert_eq!(hide_business("client 5 is gone", "ProductFlow PF-1"), "client 5 is gone");
    }
}
