//! The handle of one Robaws tenant: what a test or the local stack puts in, changes and reads.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::access::{ApiUser, Module};
use super::model::{Article, Invoice, StockChange, Task, VatTariff, WebhookEndpoint};
use super::settings::Settings;
use super::state::{Named, Tenant};
use super::{RobawsSim, invoices, state::Data};

/// Clones share the state of the tenant.
#[derive(Clone, Debug)]
pub struct RobawsTenant {
    sim: RobawsSim,
    name: String,
}

impl RobawsTenant {
    pub(crate) fn new(sim: RobawsSim, name: &str) -> Self {
        Self { sim, name: name.to_owned() }
    }

    fn with_state<T>(&self, work: impl FnOnce(&mut Tenant, Timestamp) -> T) -> T {
        let now = self.sim.now();
        work(self.sim.lock_state().tenant_or_new(&self.name), now)
    }

    /// Changes the data and keeps a copy for the replica.
    fn change_data<T>(&self, work: impl FnOnce(&mut Data, Timestamp) -> T) -> T {
        self.with_state(|tenant, now| {
            let result = work(&mut tenant.data, now);
            tenant.keep_replica_copy(now);
            result
        })
    }

    /// The tenant's name: the `tenant` of calls and faults.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds an API user with every module.
    pub fn add_admin(&self, key: &str, secret: &str) -> &Self {
        self.add_user(key, secret, &Module::ALL)
    }

    /// Adds an API user, or replaces its secret and modules. A key belongs to one tenant.
    pub fn add_user(&self, key: &str, secret: &str, modules: &[Module]) -> &Self {
        let user = ApiUser {
            secret: secret.to_owned(),
            tenant: self.name.clone(),
            modules: modules.iter().copied().collect(),
        };
        self.sim.lock_state().users.insert(key.to_owned(), user);
        self
    }

    pub fn remove_user(&self, key: &str) {
        self.sim.lock_state().users.remove(key);
    }

    pub fn settings(&self) -> Settings {
        self.with_state(|tenant, _| tenant.settings.clone())
    }

    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) -> &Self {
        self.with_state(|tenant, _| {
            let mut settings = tenant.settings.clone();
            change(&mut settings);
            tenant.apply_settings(settings);
        });
        self
    }

    /// Breaks an assumption of the connector, by its name in [`DEVIATIONS`](super::DEVIATIONS). `false` when there is no such
    /// deviation.
    pub fn break_assumption(&self, name: &str) -> bool {
        let known = super::DEVIATIONS.contains(&name);
        if known {
            self.change_settings(|settings| {
                settings.deviations.insert(name.to_owned());
            });
        }
        known
    }

    /// How many live and replica calls today has seen.
    pub fn used_today(&self) -> (u64, u64) {
        self.with_state(|tenant, _| tenant.limits.used_today())
    }

    /// Sets how many live and replica calls today has seen.
    pub fn set_used_today(&self, live: u64, replica: u64) {
        self.with_state(|tenant, now| tenant.limits.set_used(now, live, replica));
    }

    /// An id that neither an article nor a VAT tariff has.
    pub fn next_id(&self) -> String {
        self.change_data(|data, _| {
            loop {
                let id = data.fresh_id();
                if !data.articles.contains(&id) && !data.tariffs.contains(&id) {
                    return id;
                }
            }
        })
    }

    /// Adds or replaces an article without an event. Times that are not set become now.
    pub fn put_article(&self, mut article: Article) -> &Self {
        self.change_data(|data, now| {
            if article.created_at == Timestamp::UNIX_EPOCH {
                article.created_at = now;
            }
            if article.updated_at == Timestamp::UNIX_EPOCH {
                article.updated_at = now;
            }
            data.articles.insert(&article.id.clone(), article);
        });
        self
    }

    /// Adds an article the way a user does: with the event `article.created`.
    pub fn create_article(&self, article: Article) {
        let id = article.id.clone();
        self.put_article(article);
        self.publish_event("article.created", &id);
    }

    /// Edits an article the way a user does: `updatedAt` moves and `article.updated` goes out. `false` when there is
    /// no such article.
    pub fn edit_article(&self, id: &str, edit: impl FnOnce(&mut Article)) -> bool {
        let found = self.edit_article_silently(id, edit);
        if found {
            self.publish_event("article.updated", id);
        }
        found
    }

    /// Edits an article without an event, as some edits in Robaws are; `updatedAt` moves.
    pub fn edit_article_silently(&self, id: &str, edit: impl FnOnce(&mut Article)) -> bool {
        self.change_data(|data, now| {
            let Some(article) = data.articles.get_mut(id) else {
                return false;
            };
            edit(article);
            article.updated_at = now;
            true
        })
    }

    /// Archives an article; there is no event for that.
    pub fn archive_article(&self, id: &str) -> bool {
        let now = self.sim.now();
        self.edit_article_silently(id, |article| article.archived_at = Some(now))
    }

    /// Restores an archived or deleted article; there is no event for that.
    pub fn restore_article(&self, id: &str) -> bool {
        self.edit_article_silently(id, |article| {
            article.archived_at = None;
            article.deleted_at = None;
        })
    }

    /// Removes an article for good. The API answers 404 for it from then on; there is no event for that.
    pub fn remove_article(&self, id: &str) -> bool {
        self.change_data(|data, _| data.articles.remove(id))
    }

    pub fn find_article(&self, id: &str) -> Option<Article> {
        self.with_state(|tenant, _| tenant.data.articles.get(id).cloned())
    }

    pub fn articles(&self) -> Vec<Article> {
        self.with_state(|tenant, _| tenant.data.articles.to_vec())
    }

    fn publish_event(&self, event: &'static str, article: &str) {
        self.with_state(|tenant, _| tenant.queue_event(event, article));
        self.sim.0.delivery_waits.notify_one();
    }

    pub fn put_stock_location(&self, id: &str, name: &str) -> &Self {
        self.put_named(id, name, |data| &mut data.locations)
    }

    /// Id and name of every stock location.
    pub fn stock_locations(&self) -> Vec<(String, String)> {
        self.list_names(|data| &data.locations)
    }

    /// Sets the pieces of an article at a location, with the event `article.stock-changed`.
    pub fn set_stock(&self, article: &str, location: &str, pieces: impl Into<Decimal>) -> &Self {
        let pieces = pieces.into();
        self.change_data(|data, _| data.stock.insert((article.to_owned(), location.to_owned()), pieces));
        self.publish_event("article.stock-changed", article);
        self
    }

    /// The pieces of an article at a location; 0 when it was never there.
    pub fn stock_at(&self, article: &str, location: &str) -> Decimal {
        let key = (article.to_owned(), location.to_owned());
        self.with_state(|tenant, _| tenant.data.stock.get(&key).copied().unwrap_or_default())
    }

    /// The pieces of every article at every location it was ever at: article, location, pieces.
    pub fn all_stock(&self) -> Vec<(String, String, Decimal)> {
        self.with_state(|tenant, _| {
            let stock = tenant.data.stock.iter();
            stock.map(|((article, location), pieces)| (article.clone(), location.clone(), *pieces)).collect()
        })
    }

    /// Adds a VAT tariff, or replaces the one with its id.
    pub fn put_vat_tariff(&self, tariff: VatTariff) -> &Self {
        self.change_data(|data, _| data.tariffs.insert(&tariff.id.clone(), tariff));
        self
    }

    pub fn remove_vat_tariff(&self, id: &str) -> bool {
        self.change_data(|data, _| data.tariffs.remove(id))
    }

    pub fn vat_tariffs(&self) -> Vec<VatTariff> {
        self.with_state(|tenant, _| tenant.data.tariffs.to_vec())
    }

    pub fn put_client(&self, id: &str, name: &str) -> &Self {
        self.put_named(id, name, |data| &mut data.clients)
    }

    /// Id and name of every client.
    pub fn clients(&self) -> Vec<(String, String)> {
        self.list_names(|data| &data.clients)
    }

    pub fn put_user(&self, id: &str, full_name: &str) -> &Self {
        self.put_named(id, full_name, |data| &mut data.users)
    }

    /// Id and full name of every user.
    pub fn users(&self) -> Vec<(String, String)> {
        self.list_names(|data| &data.users)
    }

    pub fn put_company(&self, id: &str, name: &str) -> &Self {
        self.put_named(id, name, |data| &mut data.companies)
    }

    pub fn put_payment_condition(&self, id: &str, name: &str) -> &Self {
        self.put_named(id, name, |data| &mut data.conditions)
    }

    fn list_names(&self, table: impl FnOnce(&Data) -> &super::state::Table<Named>) -> Vec<(String, String)> {
        self.with_state(|tenant, _| {
            let records = table(&tenant.data).iter();
            records.map(|record| (record.id.clone(), record.name.clone())).collect()
        })
    }

    fn put_named(
        &self,
        id: &str,
        name: &str,
        table: impl FnOnce(&mut Data) -> &mut super::state::Table<Named>,
    ) -> &Self {
        let record = Named { id: id.to_owned(), name: name.to_owned() };
        self.change_data(|data, _| table(data).insert(id, record));
        self
    }

    /// Removes a record of any kind.
    pub fn remove_record(&self, module: Module, id: &str) -> bool {
        self.change_data(|data, _| match module {
            Module::Articles => data.articles.remove(id),
            Module::StockLocations => data.locations.remove(id),
            Module::StockChanges => data.stock_changes.remove(id),
            Module::VatTariffs => data.tariffs.remove(id),
            Module::Clients => data.clients.remove(id),
            Module::Users => data.users.remove(id),
            Module::Companies => data.companies.remove(id),
            Module::PaymentConditions => data.conditions.remove(id),
            Module::SalesInvoices => data.invoices.remove(id),
            Module::Tasks => data.tasks.remove(id),
            Module::WebhookEndpoints => data.endpoints.remove(id),
        })
    }

    /// All stock changes, oldest first, unbooked ones included.
    pub fn stock_changes(&self) -> Vec<StockChange> {
        self.with_state(|tenant, _| tenant.data.stock_changes.to_vec())
    }

    /// The booked stock changes whose description contains a text, oldest first.
    pub fn stock_changes_of(&self, reference: &str) -> Vec<StockChange> {
        let mut changes = self.stock_changes();
        changes.retain(|change| {
            change.booked && change.description.as_deref().unwrap_or_default().contains(reference)
        });
        changes
    }

    /// All invoices and credit notes with lines and totals, oldest first.
    pub fn invoices(&self) -> Vec<Invoice> {
        self.with_state(|tenant, _| tenant.data.invoices.to_vec())
    }

    /// The invoices and credit notes whose client reference contains a text.
    pub fn invoices_of(&self, reference: &str) -> Vec<Invoice> {
        let mut invoices = self.invoices();
        invoices
            .retain(|invoice| invoice.client_reference.as_deref().unwrap_or_default().contains(reference));
        invoices
    }

    /// Edits an invoice the way the merchant does in Robaws, booked or not. `false` when there is none.
    pub fn edit_invoice(&self, id: &str, edit: impl FnOnce(&mut Invoice)) -> bool {
        self.change_data(|data, now| {
            let Some(invoice) = data.invoices.get_mut(id) else {
                return false;
            };
            edit(invoice);
            invoice.updated_at = now;
            true
        })
    }

    /// Books a draft the way the merchant does in Robaws; it gets a number if it has none. `false` when there is no
    /// such draft.
    pub fn book_invoice(&self, id: &str) -> bool {
        self.change_data(|data, now| {
            let Some(mut invoice) = data.invoices.get(id).filter(|invoice| !invoice.booked).cloned() else {
                return false;
            };
            invoices::book_draft(data, &mut invoice);
            invoice.updated_at = now;
            data.invoices.insert(id, invoice);
            true
        })
    }

    /// Deletes an invoice the way the merchant does in Robaws, booked or not.
    pub fn remove_invoice(&self, id: &str) -> bool {
        self.change_data(|data, _| data.invoices.remove(id))
    }

    pub fn tasks(&self) -> Vec<Task> {
        self.with_state(|tenant, _| tenant.data.tasks.to_vec())
    }

    /// All webhook endpoints, with their secrets.
    pub fn webhook_endpoints(&self) -> Vec<WebhookEndpoint> {
        self.with_state(|tenant, _| tenant.data.endpoints.to_vec())
    }

    /// Gives an endpoint another URL, as if it had been registered from there. `false` when there is none.
    pub fn move_webhook(&self, id: &str, url: &str) -> bool {
        self.change_data(|data, _| {
            let Some(endpoint) = data.endpoints.get_mut(id) else {
                return false;
            };
            url.clone_into(&mut endpoint.url);
            true
        })
    }

    /// Changes the switches by a JSON merge patch, with the names of the control API.
    ///
    /// # Errors
    /// When the result is not a set of switches.
    pub fn patch_settings(&self, patch: &Value) -> Result<Settings, serde_json::Error> {
        let mut value = serde_json::to_value(self.settings())?;
        crate::traffic::merge_patch(&mut value, patch);
        let settings: Settings = serde_json::from_value(value)?;
        self.with_state(|tenant, _| tenant.apply_settings(settings.clone()));
        Ok(settings)
    }
}
