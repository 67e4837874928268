//! The form of the settings: how it is filled in, and which settings of a form that was sent have changed.

use super::form_faults::FormFaults;
use super::form_fields::{Field, FieldKind, FieldOption};
use super::robaws_lists::{MOST_CLIENTS, RobawsLists};
use crate::pages::forms::Form;
use crate::pages::texts::{self, fill_text, text_for};
use domain::Language;
use domain::catalogue::VatTariff;
use domain::settings::StatusWords;
use robaws::NamedItem;
use serde_json::{Map, Value, json};
use store::model::Connection;

/// Settings that hold the id of a record in Robaws. An empty field means that the setting is unset.
const ID_SETTINGS: [&str; 8] = [
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
const WORD_SETTINGS: [&str; 3] = ["product_language", "order_amounts", "line_price"];
/// Settings that are on or off, sent as `true` or `false`.
const SWITCH_SETTINGS: [&str; 2] = ["send_sale_price", "book_invoices"];
/// The lists of status words: name of the list in the settings, and name of its field in the form.
const STATUS_LISTS: [(&str, &str); 3] =
    [("open", "status_open"), ("shipped", "status_shipped"), ("cancelled", "status_cancelled")];
/// Longest list that is offered for selection. For a longer one the reader types the id.
const MOST_OPTIONS: usize = 60;
/// Longest name shown, in characters.
const LONGEST_NAME: usize = 60;
/// Longest text searched for, in characters.
const LONGEST_SEARCH: usize = 100;

/// The fields of the settings, the same in the set-up and on the page of settings.
pub struct SettingsForm {
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

impl SettingsForm {
    /// Whether the advanced fields are unfolded, because one of them is wrong.
    pub fn is_open(&self) -> bool {
        self.advanced.iter().any(Field::is_wrong)
    }
}

/// The text that was typed to search a client.
pub fn client_search_text(form: &Form) -> String {
    let typed = form.field_value("client_search").unwrap_or_default();
    typed.chars().take(LONGEST_SEARCH).collect()
}

/// The changed settings as a body of `PATCH /api/connections/{id}`; `None` when nothing changed.
pub fn changed_settings_body(form: &Form, connection: &Connection) -> Option<Value> {
    let stored = stored_settings(connection);
    let mut settings = Map::new();
    for name in ID_SETTINGS.iter().chain(&WORD_SETTINGS).copied() {
        let typed = form.field_value(name);
        let known = stored[name].as_str().unwrap_or_default();
        if form.has_field(name) && typed.unwrap_or_default() != known {
            settings.insert(name.to_owned(), typed.map_or(Value::Null, Value::from));
        }
    }
    for name in SWITCH_SETTINGS {
        let typed = form.field_value(name).map(|value| value == "true");
        if typed.is_some() && typed != stored[name].as_bool() {
            settings.insert(name.to_owned(), typed.into());
        }
    }
    if STATUS_LISTS.iter().any(|(_, field)| form.has_field(field)) {
        let known = &connection.settings.status_words;
        let typed = typed_status_words(form, known);
        if typed.with_defaults() != known.with_defaults() {
            settings.insert("status_words".to_owned(), json!(typed.with_defaults()));
        }
    }
    let mut body = Map::new();
    if !settings.is_empty() {
        body.insert("settings".to_owned(), Value::Object(settings));
    }
    if let Some(language) = form.field_value("language")
        && language != connection.language.tag
    {
        body.insert("language".to_owned(), language.into());
    }
    (!body.is_empty()).then_some(Value::Object(body))
}

fn stored_settings(connection: &Connection) -> Value {
    serde_json::to_value(&connection.settings).unwrap_or_default()
}

/// The status words that the fields hold. A list whose field was not sent keeps its words.
fn typed_status_words(form: &Form, known: &StatusWords) -> StatusWords {
    let words = |field: &str, known: &[String]| match form.field_as_typed(field) {
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
pub fn word_twice_faults(word: &str, form: &Form, connection: &Connection, language: Language) -> FormFaults {
    let words = typed_status_words(form, &connection.settings.status_words).with_defaults();
    let text = fill_text("set_up.word_twice", &[("word", word)], language);
    let mut faults = FormFaults::no_faults();
    for (list, field) in [
        (words.open, "settings.status_words.open"),
        (words.shipped, "settings.status_words.shipped"),
        (words.cancelled, "settings.status_words.cancelled"),
    ] {
        if list.iter().any(|known| known == word) {
            faults.add_fault(field, &text, language);
        }
    }
    faults
}

/// What the fields are filled with: what was typed, else what is stored, else the only option there is.
pub struct SettingsFormSources<'a> {
    pub connection: &'a Connection,
    pub language: Language,
    /// The form that was sent, if one was.
    pub form: Option<&'a Form>,
    /// The lists of Robaws to select from.
    pub lists: &'a RobawsLists,
    /// The faults to show at the fields.
    pub faults: &'a FormFaults,
}

impl SettingsFormSources<'_> {
    /// Builds the form.
    pub fn build_settings_form(&self) -> SettingsForm {
        let (client, found) = self.build_client_field();
        let several = self.lists.companies.as_ref().is_some_and(|list| list.len() > 1);
        let company =
            self.build_named_field("robaws_company_id", self.lists.companies.as_deref(), "set_up.none");
        let mut main = vec![self.build_location_field(), self.build_user_field()];
        let mut advanced = Vec::new();
        if several { &mut main } else { &mut advanced }.push(company);
        main.push(self.build_switch_field("send_sale_price"));
        main.push(self.build_tariff_field("sale_price_vat_tariff_id", |_| true));
        main.push(self.build_switch_field("book_invoices"));
        main.push(self.build_field("language", self.language_options()));
        advanced.push(self.build_product_language_field());
        advanced.push(self.build_named_field(
            "payment_condition_id",
            self.lists.conditions.as_deref(),
            "set_up.robaws_decides",
        ));
        advanced.push(self.build_tariff_field("costs_vat_tariff_id", |tariff| tariff.vat_inclusive));
        advanced.push(self.build_fbm_location_field());
        advanced
            .push(self.build_field("order_amounts", self.two_options("order_amounts", ["cents", "euros"])));
        advanced.push(self.build_field("line_price", self.two_options("line_price", ["total", "unit"])));
        advanced.extend(STATUS_LISTS.map(|(list, field)| self.build_status_words_field(list, field)));
        SettingsForm {
            client,
            search: self.form.map(client_search_text).unwrap_or_default(),
            found,
            main,
            advanced,
            is_incomplete: self.lists.is_incomplete(),
        }
    }

    fn text_for(&self, key: &'static str) -> &'static str {
        text_for(key, self.language)
    }

    /// The value of a field: what was typed, else what is stored.
    fn field_value(&self, name: &str) -> String {
        let typed = self.form.filter(|form| form.has_field(name));
        match typed {
            Some(form) => form.field_value(name).unwrap_or_default().to_owned(),
            None => match &stored_settings(self.connection)[name] {
                Value::Bool(on) => on.to_string(),
                other => other.as_str().unwrap_or_default().to_owned(),
            },
        }
    }

    fn build_field(&self, name: &'static str, kind: FieldKind) -> Field {
        let own = texts::find_text("set_up_field", &format!("label_{name}"), self.language);
        let label = own.unwrap_or_else(|| domain::text::setting_label(name, self.language));
        let label = crate::pages::layout::typeset_for_language(label, self.language);
        let hint = texts::find_text("set_up_field", &format!("hint_{name}"), self.language);
        Field::new(name, label, kind)
            .with_hint(hint.unwrap_or_default())
            .with_faults(self.faults.texts_of_field(name))
    }

    /// A field that selects one record of a list of Robaws, or none.
    fn build_named_field(&self, name: &'static str, list: Option<&[NamedItem]>, none: &'static str) -> Field {
        let options = list.map(|list| list.iter().map(|n| (n.id.clone(), name_with_id(n))).collect());
        self.build_list_field(name, options, none)
    }

    fn build_list_field(
        &self,
        name: &'static str,
        list: Option<Vec<(String, String)>>,
        none: &'static str,
    ) -> Field {
        let value = self.field_value(name);
        let Some(list) = list else {
            let shown = if value.is_empty() { self.text_for("set_up.not_set") } else { &value };
            return self
                .build_field(name, FieldKind::Fixed(shown.to_owned()))
                .with_hint(self.text_for("set_up.no_list"));
        };
        if list.len() > MOST_OPTIONS {
            let kind = FieldKind::Text { value, numeric: true };
            return self.build_field(name, kind).with_hint(self.text_for("set_up.long_list"));
        }
        let is_known = list.iter().any(|(id, _)| *id == value);
        let mut options = vec![FieldOption::new("", self.text_for(none), value.is_empty())];
        options.extend(list.into_iter().map(|(id, text)| FieldOption::new(id.clone(), text, id == value)));
        if !value.is_empty() && !is_known {
            let gone = fill_text("set_up.gone", &[("id", &value)], self.language);
            options.push(FieldOption::new(value, gone, true));
        }
        self.build_field(name, FieldKind::Select(options))
    }

    /// Selects the only option there is, as long as the setting was never saved and no form was sent.
    fn preselect_only_option(&self, mut field: Field, is_unset: bool) -> Field {
        if let FieldKind::Select(options) = &mut field.kind
            && self.form.is_none()
            && is_unset
            && let [none, only] = options.as_mut_slice()
        {
            none.chosen = false;
            only.chosen = true;
        }
        field
    }

    fn build_location_field(&self) -> Field {
        let field =
            self.build_named_field("stock_location_id", self.lists.locations.as_deref(), "set_up.choose");
        let is_unset = self.connection.settings.stock_location_id.is_none();
        self.preselect_only_option(field, is_unset)
    }

    fn build_user_field(&self) -> Field {
        let field = self.build_named_field("task_user_id", self.lists.users.as_deref(), "set_up.nobody");
        let settings = &self.connection.settings;
        // A reader who saved a stock location has seen this field, too, and may have left it empty on purpose.
        let is_unset = settings.task_user_id.is_none() && settings.stock_location_id.is_none();
        self.preselect_only_option(field, is_unset)
    }

    fn build_fbm_location_field(&self) -> Field {
        let locations = self.lists.locations.as_deref();
        self.build_named_field("fbm_stock_location_id", locations, "set_up.no_fbm")
    }

    fn build_tariff_field(&self, name: &'static str, fits: impl Fn(&VatTariff) -> bool) -> Field {
        let fitting = |tariffs: &Vec<VatTariff>| {
            let fitting = tariffs.iter().filter(|tariff| fits(tariff));
            fitting.map(|tariff| (tariff.id.to_string(), tariff_label(tariff))).collect()
        };
        self.build_list_field(name, self.lists.tariffs.as_ref().map(fitting), "set_up.no_tariff")
    }

    fn build_switch_field(&self, name: &'static str) -> Field {
        let on = self.field_value(name) == "true";
        let text = |value: &str| {
            let own = texts::find_text("set_up_field", &format!("{name}_{value}"), self.language);
            own.unwrap_or_default().to_owned()
        };
        let options =
            vec![FieldOption::new("false", text("false"), !on), FieldOption::new("true", text("true"), on)];
        self.build_field(name, FieldKind::Radios(options))
    }

    fn two_options(&self, name: &str, values: [&str; 2]) -> FieldKind {
        let chosen = self.field_value(name);
        let option = |value: &str| {
            let text = texts::find_text("set_up_field", &format!("{name}_{value}"), self.language);
            FieldOption::new(value, text.unwrap_or(value), value == chosen)
        };
        FieldKind::Select(values.map(option).into())
    }

    fn language_options(&self) -> FieldKind {
        let typed = self.form.and_then(|form| form.field_value("language"));
        let chosen = typed.unwrap_or(self.connection.language.tag);
        let option =
            |language: &Language| FieldOption::new(language.tag, language.name, language.tag == chosen);
        FieldKind::Select(Language::ALL.iter().map(option).collect())
    }

    fn build_product_language_field(&self) -> Field {
        let kind = FieldKind::Text { value: self.field_value("product_language"), numeric: false };
        self.build_field("product_language", kind)
    }

    fn build_status_words_field(&self, list: &str, name: &'static str) -> Field {
        let of = |words: StatusWords| match list {
            "open" => words.open,
            "shipped" => words.shipped,
            _ => words.cancelled,
        };
        let defaults = of(StatusWords::default());
        let typed = self.form.and_then(|form| form.field_as_typed(name));
        let stored = || {
            let mut added = of(self.connection.settings.status_words.clone());
            added.retain(|word| !defaults.contains(word));
            added.join(", ")
        };
        let value = typed.map_or_else(stored, str::to_owned);
        let words = defaults.join(", ");
        let kind = FieldKind::Text { value, numeric: false };
        self.build_field(name, kind).with_hint(&fill_text(
            "set_up.hint_status",
            &[("words", &words)],
            self.language,
        ))
    }

    /// The field of the B2C client, with the client that is set and those that were found; and what came of the search.
    fn build_client_field(&self) -> (Field, Option<String>) {
        let lists = self.lists;
        let set = self.connection.settings.b2c_client_id.as_ref();
        let mut options: Vec<FieldOption> = Vec::new();
        if let Some(id) = set {
            let text = match &lists.client {
                Some(Some(client)) => name_with_id(client),
                Some(None) => fill_text("set_up.gone", &[("id", id.as_str())], self.language),
                None => id.to_string(),
            };
            options.push(FieldOption::new(id.as_str(), text, false));
        }
        let typed = lists.searched.as_deref().filter(|text| !text.is_empty());
        let found = lists.clients.as_ref();
        // Without a search clients are offered only when they all fit on the page.
        let shown = found.filter(|found| typed.is_some() || !found.may_have_more);
        for client in shown.map(|found| found.clients.as_slice()).unwrap_or_default() {
            if options.iter().all(|known| known.value != client.id) {
                options.push(FieldOption::new(client.id.clone(), name_with_id(client), false));
            }
        }
        let chosen = self.field_value("b2c_client_id");
        let only = options.len() == 1;
        for option in &mut options {
            option.chosen = option.value == chosen || (chosen.is_empty() && only);
        }
        let most = MOST_CLIENTS.to_string();
        let notice = match (typed, found) {
            (Some(typed), Some(found)) if found.clients.is_empty() => {
                Some(fill_text("set_up.no_client", &[("text", typed)], self.language))
            }
            (Some(_), Some(found)) if found.may_have_more => {
                Some(fill_text("set_up.more_clients", &[("count", &most)], self.language))
            }
            _ => None,
        };
        (self.build_field("b2c_client_id", FieldKind::Radios(options)), notice)
    }
}

fn cut_name(text: &str) -> String {
    if text.chars().count() <= LONGEST_NAME {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_NAME - 1).collect();
    format!("{kept}…")
}

/// Name and id, or the id alone when there is no name.
fn name_with_id(named: &NamedItem) -> String {
    match named.name.as_deref().filter(|name| !name.trim().is_empty()) {
        Some(name) => format!("{} ({})", cut_name(name), named.id),
        None => named.id.clone(),
    }
}

fn tariff_label(tariff: &VatTariff) -> String {
    let percentage = tariff.percentage.normalize();
    if tariff.name.trim().is_empty() {
        format!("{percentage} % ({})", tariff.id)
    } else {
        format!("{} – {percentage} % ({})", cut_name(&tariff.name), tariff.id)
    }
}
