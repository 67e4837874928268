//! The checks of settings and credentials that `activate` makes (`contracts/api.md`), each with the faults it may give.

use connection::Trouble;
use domain::catalogue::VatTariff;
use domain::ids::{ConnectionId, ProductFlowCompanyId};
use domain::problem::{Arg, Args, build_args};
use domain::text;
use domain::{Language, settings::ConnectionSettings};
use robaws::NamedItem;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::{Store, StoreError};

/// Modules of Robaws that the API user must be able to read and that no setting leads to.
const REQUIRED_MODULES: [&str; 3] = ["articles", "stock-changes", "sales-invoices"];

/// One thing that is wrong with a setting or a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field as the API names it, for example `settings.b2c_client_id`.
    pub field: &'static str,
    text_key: &'static str,
    args: Args,
}

impl Fault {
    /// A fault whose text has the key of its field.
    pub fn for_field(field: &'static str) -> Self {
        Self::with_wording(field, field)
    }

    /// A fault whose text has another key than its field.
    pub fn with_wording(field: &'static str, text_key: &'static str) -> Self {
        Self { field, text_key, args: Args::new() }
    }

    /// Sets the arguments of the text.
    pub fn with_args(mut self, args: Args) -> Self {
        self.args = args;
        self
    }

    pub fn missing_field(field: &'static str) -> Self {
        let setting = field.strip_prefix("settings.").unwrap_or(field);
        Self::with_wording(field, "missing")
            .with_args(build_args([("setting", Arg::Setting(setting.to_owned()))]))
    }

    pub fn unreachable_peer(field: &'static str, system: &'static str) -> Self {
        Self::with_wording(field, "unreachable").with_args(build_args([("system", system.into())]))
    }

    pub fn is_unreachable(&self) -> bool {
        self.text_key == "unreachable"
    }

    /// The fault as an entry of an error's `details`.
    pub fn to_json_detail(&self, language: Language) -> Value {
        json!({ "field": self.field, "message": self.render_message(language) })
    }

    /// The message in `language`.
    pub fn render_message(&self, language: Language) -> String {
        text::render_activation_refusal(self.text_key, &self.args, language)
    }
}

/// The faults of what is required and still empty.
pub(crate) fn find_missing_fields(
    settings: &ConnectionSettings,
    has_robaws: bool,
    has_productflow: bool,
    has_company: bool,
) -> Vec<Fault> {
    [
        (has_robaws, "robaws.key"),
        (has_productflow, "productflow.access_token"),
        (has_company, "productflow.company_id"),
        (settings.b2c_client_id.is_some(), "settings.b2c_client_id"),
        (settings.stock_location_id.is_some(), "settings.stock_location_id"),
    ]
    .into_iter()
    .filter(|(there, _)| !there)
    .map(|(_, field)| Fault::missing_field(field))
    .collect()
}

/// The fault of a ProductFlow company that another connection holds.
pub(crate) fn company_taken_fault() -> Fault {
    Fault::with_wording("productflow.company_id", "productflow.company_id.taken")
}

/// Gives a fault when another connection holds this ProductFlow company.
pub(crate) async fn check_company_is_free(
    store: &Store,
    id: &ConnectionId,
    company: ProductFlowCompanyId,
) -> Result<Option<Fault>, StoreError> {
    let holder = store.load_company_holder(company).await?;
    Ok(holder.filter(|holder| holder != id).map(|_| company_taken_fault()))
}

/// Checks at ProductFlow that it accepts the access token for the company.
pub(crate) async fn check_productflow_login(client: &productflow::Client) -> Vec<Fault> {
    use productflow::Error;
    match client.test_connection().await {
        Ok(()) => Vec::new(),
        Err(Error::Unauthorized { .. }) => vec![Fault::for_field("productflow.access_token")],
        // `contracts/productflow.md`: a wrong company is answered with 403, sometimes with 404.
        Err(Error::Forbidden {} | Error::NotFound { .. }) => vec![Fault::for_field("productflow.company_id")],
        Err(error) => {
            tracing::warn!(error = %runtime::error::Chain(&error), "ProductFlow could not be tried");
            vec![Fault::unreachable_peer("productflow.access_token", "ProductFlow")]
        }
    }
}

/// Checks at Robaws that it accepts the key.
pub(crate) async fn check_robaws_key(client: &robaws::Client) -> Option<Fault> {
    let error = client.make_cheapest_read().await.err()?;
    match Trouble::from(&error) {
        Trouble::Credentials => Some(Fault::for_field("robaws.key")),
        // Robaws knows the key. The check of the settings finds out which modules it may not read.
        Trouble::Permission { .. } | Trouble::Refused { .. } => None,
        Trouble::Quota { .. }
        | Trouble::RateLimited { .. }
        | Trouble::Down
        | Trouble::Unreadable
        | Trouble::OutOfTime => {
            tracing::warn!(error = %runtime::error::Chain(&error), "Robaws could not be tried");
            Some(Fault::unreachable_peer("robaws.key", "Robaws"))
        }
    }
}

/// What the checks at Robaws found so far.
#[derive(Default)]
struct RobawsFindings {
    faults: Vec<Fault>,
    forbidden: BTreeSet<String>,
    unreachable: bool,
}

impl RobawsFindings {
    /// Gives the answer to a question, or notes why there is none. A 404 for a list counts as an empty list.
    fn take_answer<T: Default>(&mut self, answer: Result<T, robaws::Error>) -> Option<T> {
        let error = match answer {
            Ok(answer) => return Some(answer),
            Err(robaws::Error::NotFound { .. }) => return Some(T::default()),
            Err(error) => error,
        };
        if let Trouble::Permission { module } = Trouble::from(&error) {
            self.forbidden.insert(module);
        } else {
            tracing::warn!(error = %runtime::error::Chain(&error), "a check at Robaws failed");
            self.unreachable = true;
        }
        None
    }

    fn require_setting(&mut self, holds: bool, field: &'static str) {
        if !holds {
            self.faults.push(Fault::for_field(field));
        }
    }
}

fn contains_id(list: &[NamedItem], id: &str) -> bool {
    list.iter().any(|named| named.id == id)
}

/// Checks at Robaws that what the settings name exists, and that the API user may read every module it needs.
pub(crate) async fn check_robaws_settings(
    client: &robaws::Client,
    settings: &ConnectionSettings,
) -> Vec<Fault> {
    let b2c = async {
        match &settings.b2c_client_id {
            Some(id) => client.read_client(id).await,
            None => client.test_module_access("clients").await.map(|()| None),
        }
    };
    let users = async {
        match &settings.task_user_id {
            Some(_) => client.read_users().await,
            None => Ok(Vec::new()),
        }
    };
    let conditions = async {
        match &settings.payment_condition_id {
            Some(_) => client.read_payment_conditions().await,
            None => Ok(Vec::new()),
        }
    };
    let modules = futures::future::join_all(REQUIRED_MODULES.map(|module| client.test_module_access(module)));
    let (locations, tariffs, companies, b2c, users, conditions, modules) = futures::join!(
        client.read_stock_locations(),
        client.read_vat_tariffs(),
        client.read_companies(),
        b2c,
        users,
        conditions,
        modules,
    );
    let mut found = RobawsFindings::default();
    if let Some(locations) = found.take_answer(locations) {
        if let Some(id) = &settings.stock_location_id {
            found.require_setting(contains_id(&locations, id.as_str()), "settings.stock_location_id");
        }
        if let Some(id) = &settings.fbm_stock_location_id {
            found.require_setting(contains_id(&locations, id.as_str()), "settings.fbm_stock_location_id");
        }
    }
    if let Some(tariffs) = found.take_answer(tariffs) {
        let tariff = |id: &domain::VatTariffId| tariffs.iter().find(|tariff: &&VatTariff| tariff.id == *id);
        // Costs become invoice lines, so their tariff must be VAT-inclusive. The tariff of sale prices only gives a percentage.
        if let Some(id) = &settings.costs_vat_tariff_id {
            let inclusive = tariff(id).is_some_and(|tariff| tariff.vat_inclusive);
            found.require_setting(inclusive, "settings.costs_vat_tariff_id");
        }
        if let Some(id) = &settings.sale_price_vat_tariff_id {
            found.require_setting(tariff(id).is_some(), "settings.sale_price_vat_tariff_id");
        }
    }
    if let Some(companies) = found.take_answer(companies) {
        match &settings.robaws_company_id {
            Some(id) if !contains_id(&companies, id.as_str()) => found.faults.push(Fault::with_wording(
                "settings.robaws_company_id",
                "settings.robaws_company_id.unknown",
            )),
            // Only a tenant with several companies has to name one.
            None => found.require_setting(companies.len() <= 1, "settings.robaws_company_id"),
            Some(_) => {}
        }
    }
    if let Some(b2c) = found.take_answer(b2c)
        && settings.b2c_client_id.is_some()
    {
        found.require_setting(b2c.is_some(), "settings.b2c_client_id");
    }
    if let Some(users) = found.take_answer(users)
        && let Some(id) = &settings.task_user_id
    {
        found.require_setting(contains_id(&users, id.as_str()), "settings.task_user_id");
    }
    if let Some(conditions) = found.take_answer(conditions)
        && let Some(id) = &settings.payment_condition_id
    {
        found.require_setting(contains_id(&conditions, id.as_str()), "settings.payment_condition_id");
    }
    for module in modules {
        found.take_answer(module);
    }
    if !found.forbidden.is_empty() {
        let modules = Arg::List(found.forbidden.into_iter().collect());
        found
            .faults
            .push(Fault::for_field("robaws.permissions").with_args(build_args([("modules", modules)])));
    }
    if found.unreachable {
        found.faults.push(Fault::unreachable_peer("robaws.key", "Robaws"));
    }
    found.faults
}

/// Keeps the faults of settings that a change touches. What was wrong before must not keep a change from being stored.
pub(crate) fn keep_faults_of_changed_settings(
    faults: Vec<Fault>,
    was: &ConnectionSettings,
    is: &ConnectionSettings,
) -> Vec<Fault> {
    faults
        .into_iter()
        .filter(|fault| match fault.field {
            "settings.b2c_client_id" => was.b2c_client_id != is.b2c_client_id,
            "settings.stock_location_id" => was.stock_location_id != is.stock_location_id,
            "settings.fbm_stock_location_id" => was.fbm_stock_location_id != is.fbm_stock_location_id,
            "settings.costs_vat_tariff_id" => was.costs_vat_tariff_id != is.costs_vat_tariff_id,
            "settings.sale_price_vat_tariff_id" => {
                was.sale_price_vat_tariff_id != is.sale_price_vat_tariff_id
            }
            "settings.robaws_company_id" => was.robaws_company_id != is.robaws_company_id,
            "settings.payment_condition_id" => was.payment_condition_id != is.payment_condition_id,
            "settings.task_user_id" => was.task_user_id != is.task_user_id,
            _ => false,
        })
        .collect()
}
