//! The form of the settings: how it is filled in, and which settings of a form that was sent have changed.

use super::faults::Faults;
use super::fields::{Choice, Field, Kind};
use super::lists::{Lists, MOST_CLIENTS};
use crate::pages::forms::Form;
use crate::pages::texts::{self, filled, text};
use domain::Language;
use domain::catalogue::VatTariff;
use domain::settings::StatusWords;
use robaws::Named;
use serde_json::{Map, Value, json};
use store::model::Connection;

/// Settings that hold the id of a record in Robaws. An empty field means that the setting is unset.
const IDS: [&str; 8] = [
    "b2c_client_id",
    "stock_location_id",
    "task_user_id",
    "robaws_company_id",
    "payment_condition_id",
    "costs_vat_tariff_id",
    "sale_price_vat_tariff_id",
    "fbm_stock_location_id",
];
/// Settings that hold a word.
const WORDS: [&str; 3] = ["product_language", "order_amounts", "line_price"];
/// Settings that are on or off, sent as `true` or `false`.
const SWITCHES: [&str; 2] = ["send_sale_price", "book_invoices"];
/// The lists of status words: name of the list in the settings, and name of its field in the form.
const STATUS: [(&str, &str); 3] = [
    ("open", "status_open"),
    ("shipped", "status_shipped"),
    ("cancelled", "status_cancelled"),
];
/// Longest list that is offered for selection. For a longer one the reader types the id.
const MOST_OPTIONS: usize = 60;
/// Longest name shown, in characters.
const LONGEST_NAME: usize = 60;
/// Longest text searched for, in characters.
const LONGEST_SEARCH: usize = 100;

/// The fields of the settings, the same in the set-up and on the page of settings.
pub struct Choices {
    /// The field of the B2C client.
    pub client: Field,
    /// The text that a client was searched by.
    pub search: String,
    /// What came of the search, where the list of clients does not say so.
    pub found: Option<String>,
    /// Fields that everybody fills in.
    pub main: Vec<Field>,
    /// Fields that few need, folded away.
    pub advanced: Vec<Field>,
    /// Whether Robaws left a list unanswered.
    pub is_incomplete: bool,
}

impl Choices {
    /// Whether the advanced fields are unfolded, because one of them is wrong.
    pub fn is_open(&self) -> bool {
        self.advanced.iter().any(Field::is_wrong)
    }
}

/// The text that was typed to search a client.
pub fn searched(form: &Form) -> String {
    let typed = form.value("client_search").unwrap_or_default();
    typed.chars().take(LONGEST_SEARCH).collect()
}

/// The changed settings as a body of `PATCH /api/connections/{id}`; `None` when nothing changed.
pub fn changes(form: &Form, connection: &Connection) -> Option<Value> {
    let stored = stored(connection);
    let mut settings = Map::new();
    for name in IDS.iter().chain(&WORDS).copied() {
        let typed = form.value(name);
        let known = stored[name].as_str().unwrap_or_default();
        if form.has(name) && typed.unwrap_or_default() != known {
            settings.insert(name.to_owned(), typed.map_or(Value::Null, Value::from));
        }
    }
    for name in SWITCHES {
        let typed = form.value(name).map(|value| value == "true");
        if typed.is_some() && typed != stored[name].as_bool() {
            settings.insert(name.to_owned(), typed.into());
        }
    }
    if STATUS.iter().any(|(_, field)| form.has(field)) {
        let known = &connection.settings.status_words;
        let typed = typed_words(form, known);
        if typed.with_defaults() != known.with_defaults() {
            settings.insert("status_words".to_owned(), json!(typed.with_defaults()));
        }
    }
    let mut body = Map::new();
    if !settings.is_empty() {
        body.insert("settings".to_owned(), Value::Object(settings));
    }
    if let Some(language) = form.value("language")
        && language != connection.language.tag
    {
        body.insert("language".to_owned(), language.into());
    }
    (!body.is_empty()).then_some(Value::Object(body))
}

fn stored(connection: &Connection) -> Value {
    serde_json::to_value(&connection.settings).unwrap_or_default()
}

/// The status words that the fields hold. A list whose field was not sent keeps its words.
fn typed_words(form: &Form, known: &StatusWords) -> StatusWords {
    let words = |field: &str, known: &[String]| match form.typed(field) {
        None => known.to_vec(),
        Some(typed) => {
            let words = typed.split(',').map(str::trim).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        }
    };
    StatusWords {
        open: words("status_open", &known.open),
        shipped: words("status_shipped", &known.shipped),
        cancelled: words("status_cancelled", &known.cancelled),
    }
}

/// The faults of a status word that stands in two lists, one at each of the two fields.
pub fn word_twice(word: &str, form: &Form, connection: &Connection, language: Language) -> Faults {
    let words = typed_words(form, &connection.settings.status_words).with_defaults();
    let text = filled("set_up.word_twice", &[("word", word)], language);
    let mut faults = Faults::none();
    for (list, field) in [
        (words.open, "settings.status_words.open"),
        (words.shipped, "settings.status_words.shipped"),
        (words.cancelled, "settings.status_words.cancelled"),
    ] {
        if list.iter().any(|known| known == word) {
            faults.put(field, &text, language);
        }
    }
    faults
}

/// What the fields are filled with: what was typed, else what is stored, else the only option there is.
pub struct Sources<'a> {
    pub connection: &'a Connection,
    pub language: Language,
    /// The form that was sent, if one was.
    pub form: Option<&'a Form>,
    /// The lists of Robaws to select from.
    pub lists: &'a Lists,
    /// The faults to show at the fields.
    pub faults: &'a Faults,
}

impl Sources<'_> {
    /// Builds the form.
    pub fn choices(&self) -> Choices {
        let (client, found) = self.client();
        let several = self.lists.companies.as_ref().is_some_and(|list| list.len() > 1);
        let company = self.named(
            "robaws_company_id",
            self.lists.companies.as_deref(),
            "set_up.none",
        );
        let mut main = vec![self.location(), self.user()];
        let mut advanced = Vec::new();
        if several { &mut main } else { &mut advanced }.push(company);
        main.push(self.switch("send_sale_price"));
        main.push(self.tariff("sale_price_vat_tariff_id", |_| true));
        main.push(self.switch("book_invoices"));
        main.push(self.field("language", self.languages()));
        advanced.push(self.product_language());
        advanced.push(self.named(
            "payment_condition_id",
            self.lists.conditions.as_deref(),
            "set_up.robaws_decides",
        ));
        advanced.push(self.tariff("costs_vat_tariff_id", |tariff| tariff.vat_inclusive));
        advanced.push(self.fbm_location());
        advanced.push(self.field("order_amounts", self.two("order_amounts", ["cents", "euros"])));
        advanced.push(self.field("line_price", self.two("line_price", ["total", "unit"])));
        advanced.extend(STATUS.map(|(list, field)| self.words(list, field)));
        Choices {
            client,
            search: self.form.map(searched).unwrap_or_default(),
            found,
            main,
            advanced,
            is_incomplete: self.lists.is_incomplete(),
        }
    }

    fn t(&self, key: &'static str) -> &'static str {
        text(key, self.language)
    }

    /// The value of a field: what was typed, else what is stored.
    fn value(&self, name: &str) -> String {
        let typed = self.form.filter(|form| form.has(name));
        match typed {
            Some(form) => form.value(name).unwrap_or_default().to_owned(),
            None => match &stored(self.connection)[name] {
                Value::Bool(on) => on.to_string(),
                other => other.as_str().unwrap_or_default().to_owned(),
            },
        }
    }

    fn field(&self, name: &'static str, kind: Kind) -> Field {
        let own = texts::find("set_up_field", &format!("label_{name}"), self.language);
        let label = own.unwrap_or_else(|| domain::text::setting(name, self.language));
        let label = crate::pages::layout::typeset(label, self.language);
        let hint = texts::find("set_up_field", &format!("hint_{name}"), self.language);
        Field::new(name, label, kind)
            .hint(hint.unwrap_or_default())
            .faults(self.faults.at(name))
    }

    /// A field that selects one record of a list of Robaws, or none.
    fn named(&self, name: &'static str, list: Option<&[Named]>, none: &'static str) -> Field {
        let options = list.map(|list| list.iter().map(|n| (n.id.clone(), label(n))).collect());
        self.listed(name, options, none)
    }

    fn listed(&self, name: &'static str, list: Option<Vec<(String, String)>>, none: &'static str) -> Field {
        let value = self.value(name);
        let Some(list) = list else {
            let shown = if value.is_empty() {
                self.t("set_up.not_set")
            } else {
                &value
            };
            return self
                .field(name, Kind::Fixed(shown.to_owned()))
                .hint(self.t("set_up.no_list"));
        };
        if list.len() > MOST_OPTIONS {
            let kind = Kind::Text { value, numeric: true };
            return self.field(name, kind).hint(self.t("set_up.long_list"));
        }
        let is_known = list.iter().any(|(id, _)| *id == value);
        let mut options = vec![Choice::new("", self.t(none), value.is_empty())];
        options.extend(
            list.into_iter()
                .map(|(id, text)| Choice::new(id.clone(), text, id == value)),
        );
        if !value.is_empty() && !is_known {
            let gone = filled("set_up.gone", &[("id", &value)], self.language);
            options.push(Choice::new(value, gone, true));
        }
        self.field(name, Kind::Select(options))
    }

    /// Selects the only option there is, as long as the setting was never saved and no form was sent.
    fn with_only(&self, mut field: Field, is_unset: bool) -> Field {
        if let Kind::Select(options) = &mut field.kind
            && self.form.is_none()
            && is_unset
            && let [none, only] = options.as_mut_slice()
        {
            none.chosen = false;
            only.chosen = true;
        }
        field
    }

    fn location(&self) -> Field {
        let field = self.named(
            "stock_location_id",
            self.lists.locations.as_deref(),
            "set_up.choose",
        );
        let is_unset = self.connection.settings.stock_location_id.is_none();
        self.with_only(field, is_unset)
    }

    fn user(&self) -> Field {
        let field = self.named("task_user_id", self.lists.users.as_deref(), "set_up.nobody");
        let settings = &self.connection.settings;
        // A reader who saved a stock location has seen this field, too, and may have left it empty on purpose.
        let is_unset = settings.task_user_id.is_none() && settings.stock_location_id.is_none();
        self.with_only(field, is_unset)
    }

    fn fbm_location(&self) -> Field {
        let locations = self.lists.locations.as_deref();
        self.named("fbm_stock_location_id", locations, "set_up.no_fbm")
    }

    fn tariff(&self, name: &'static str, fits: impl Fn(&VatTariff) -> bool) -> Field {
        let fitting = |tariffs: &Vec<VatTariff>| {
            let fitting = tariffs.iter().filter(|tariff| fits(tariff));
            fitting
                .map(|tariff| (tariff.id.to_string(), tariff_label(tariff)))
                .collect()
        };
        self.listed(name, self.lists.tariffs.as_ref().map(fitting), "set_up.no_tariff")
    }

    fn switch(&self, name: &'static str) -> Field {
        let on = self.value(name) == "true";
        let text = |value: &str| {
            let own = texts::find("set_up_field", &format!("{name}_{value}"), self.language);
            own.unwrap_or_default().to_owned()
        };
        let options = vec![
            Choice::new("false", text("false"), !on),
            Choice::new("true", text("true"), on),
        ];
        self.field(name, Kind::Radios(options))
    }

    fn two(&self, name: &str, values: [&str; 2]) -> Kind {
        let chosen = self.value(name);
        let option = |value: &str| {
            let text = texts::find("set_up_field", &format!("{name}_{value}"), self.language);
            Choice::new(value, text.unwrap_or(value), value == chosen)
        };
        Kind::Select(values.map(option).into())
    }

    fn languages(&self) -> Kind {
        let typed = self.form.and_then(|form| form.value("language"));
        let chosen = typed.unwrap_or(self.connection.language.tag);
        let option = |language: &Language| Choice::new(language.tag, language.name, language.tag == chosen);
        Kind::Select(Language::ALL.iter().map(option).collect())
    }

    fn product_language(&self) -> Field {
        let kind = Kind::Text {
            value: self.value("product_language"),
            numeric: false,
        };
        self.field("product_language", kind)
    }

    fn words(&self, list: &str, name: &'static str) -> Field {
        let of = |words: StatusWords| match list {
            "open" => words.open,
            "shipped" => words.shipped,
            _ => words.cancelled,
        };
        let defaults = of(StatusWords::default());
        let typed = self.form.and_then(|form| form.typed(name));
        let stored = || {
            let mut added = of(self.connection.settings.status_words.clone());
            added.retain(|word| !defaults.contains(word));
            added.join(", ")
        };
        let value = typed.map_or_else(stored, str::to_owned);
        let words = defaults.join(", ");
        let kind = Kind::Text {
            value,
            numeric: false,
        };
        self.field(name, kind)
            .hint(&filled("set_up.hint_status", &[("words", &words)], self.language))
    }

    /// The field of the B2C client, with the client that is set and those that were found; and what came of the search.
    fn client(&self) -> (Field, Option<String>) {
        let lists = self.lists;
        let set = self.connection.settings.b2c_client_id.as_ref();
        let mut options: Vec<Choice> = Vec::new();
        if let Some(id) = set {
            let text = match &lists.client {
                Some(Some(client)) => label(client),
                Some(None) => filled("set_up.gone", &[("id", id.as_str())], self.language),
                None => id.to_string(),
            };
            options.push(Choice::new(id.as_str(), text, false));
        }
        let typed = lists.searched.as_deref().filter(|text| !text.is_empty());
        let found = lists.clients.as_ref();
        // Without a search clients are offered only when they all fit on the page.
        let shown = found.filter(|found| typed.is_some() || !found.more);
        for client in shown.map(|found| found.clients.as_slice()).unwrap_or_default() {
            if options.iter().all(|known| known.value != client.id) {
                options.push(Choice::new(client.id.clone(), label(client), false));
            }
        }
        let chosen = self.value("b2c_client_id");
        let only = options.len() == 1;
        for option in &mut options {
            option.chosen = option.value == chosen || (chosen.is_empty() && only);
        }
        let most = MOST_CLIENTS.to_string();
        let notice = match (typed, found) {
            (Some(typed), Some(found)) if found.clients.is_empty() => {
                Some(filled("set_up.no_client", &[("text", typed)], self.language))
            }
            (Some(_), Some(found)) if found.more => {
                Some(filled("set_up.more_clients", &[("count", &most)], self.language))
            }
            _ => None,
        };
        (self.field("b2c_client_id", Kind::Radios(options)), notice)
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_NAME {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_NAME - 1).collect();
    format!("{kept}…")
}

/// Name and id, or the id alone when there is no name.
fn label(named: &Named) -> String {
    match named.name.as_deref().filter(|name| !name.trim().is_empty()) {
        Some(name) => format!("{} ({})", cut(name), named.id),
        None => named.id.clone(),
    }
}

fn tariff_label(tariff: &VatTariff) -> String {
    let percentage = tariff.percentage.normalize();
    if tariff.name.trim().is_empty() {
        format!("{percentage} % ({})", tariff.id)
    } else {
        format!("{} – {percentage} % ({})", cut(&tariff.name), tariff.id)
    }
}
