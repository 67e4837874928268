//! The handle of one ProductFlow company: what a test or the local stack places, changes and reads.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ProductFlowSim;
use super::settings::Settings;
use super::state::{CompanyState, Offer, Product, StoredOrder};

/// Clones share the state of the company.
#[derive(Clone, Debug)]
pub struct Company {
    sim: ProductFlowSim,
    id: u64,
}

impl Company {
    pub(crate) fn new(sim: ProductFlowSim, id: u64) -> Self {
        Self { sim, id }
    }

    fn with_state<T>(&self, work: impl FnOnce(&mut CompanyState, Timestamp) -> T) -> T {
        let now = self.sim.now();
        work(self.sim.lock_state().company_or_new(self.id), now)
    }

    /// The company's number: the `X-Company-Id`, and as text the `tenant` of calls and faults.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Lets a personal access token reach this company, besides the companies that the token reaches already.
    pub fn add_token(&self, token: &str) -> &Self {
        self.sim.lock_state().tokens.entry(token.to_owned()).or_default().insert(self.id);
        self
    }

    pub fn settings(&self) -> Settings {
        self.with_state(|company, _| company.settings.clone())
    }

    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) -> &Self {
        self.with_state(|company, now| {
            let mut settings = company.settings.clone();
            change(&mut settings);
            company.apply_settings(settings, now);
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

    /// Changes the switches by a JSON merge patch.
    ///
    /// # Errors
    /// When the result is not a set of switches.
    pub fn patch_settings(&self, patch: &Value) -> Result<Settings, serde_json::Error> {
        let mut value = serde_json::to_value(self.settings())?;
        crate::traffic::merge_patch(&mut value, patch);
        let settings: Settings = serde_json::from_value(value)?;
        self.change_settings(|stored| stored.clone_from(&settings));
        Ok(settings)
    }

    /// Places an order, or replaces the one with its identifier. A `placed_at` or `updated_at` that is null is now.
    /// Returns its identifier.
    pub fn place_order(&self, order: impl Into<Value>) -> String {
        let mut order: Value = order.into();
        let identifier = order["identifier"].as_str().unwrap_or_default().to_owned();
        self.with_state(|company, now| {
            for field in ["placed_at", "updated_at"] {
                if order.get(field).is_some_and(Value::is_null) {
                    order[field] = json!(now);
                }
            }
            match company.find_order(&identifier) {
                Some(stored) => stored.add_version(now, order),
                None => company.orders.push(StoredOrder::new(identifier.clone(), now, order)),
            }
        });
        identifier
    }

    /// An identifier that no order of the company has, such as `PF-100001`.
    pub fn next_identifier(&self) -> String {
        self.with_state(|company, _| {
            loop {
                company.last_number += 1;
                let identifier = format!("PF-{}", company.last_number);
                if company.find_order(&identifier).is_none() {
                    return identifier;
                }
            }
        })
    }

    /// Edits an order; `updated_at` moves to now unless the edit itself sets another. `false` when there is none.
    pub fn edit_order(&self, identifier: &str, edit: impl FnOnce(&mut Value)) -> bool {
        self.with_state(|company, now| {
            let Some(stored) = company.find_order(identifier) else {
                return false;
            };
            let Some(before) = stored.current_version().cloned() else {
                return false;
            };
            let mut order = before.clone();
            edit(&mut order);
            if order.get("updated_at") == before.get("updated_at") && before.get("updated_at").is_some() {
                order["updated_at"] = json!(now);
            }
            stored.add_version(now, order);
            true
        })
    }

    /// Sets an order's status to any word.
    pub fn set_status(&self, identifier: &str, status: &str) -> bool {
        self.edit_order(identifier, |order| order["status"] = json!(status))
    }

    /// Sets the status to `shipped`, and `shipped_at` to now.
    pub fn ship_order(&self, identifier: &str) -> bool {
        let now = self.sim.now();
        self.edit_order(identifier, |order| {
            order["status"] = json!("shipped");
            order["shipped_at"] = json!(now);
        })
    }

    /// Sets the status to `cancelled`.
    pub fn cancel_order(&self, identifier: &str) -> bool {
        self.set_status(identifier, "cancelled")
    }

    /// Removes an order. Its detail answers 404 from then on.
    pub fn remove_order(&self, identifier: &str) -> bool {
        self.with_state(|company, now| {
            company.find_order(identifier).map(|order| order.removed_at = Some(now)).is_some()
        })
    }

    /// An order as its detail shows it.
    pub fn find_order(&self, identifier: &str) -> Option<Value> {
        self.with_state(|company, _| {
            company.find_order(identifier).and_then(|order| order.current_version().cloned())
        })
    }

    /// All orders as their details show them, in the order in which they came in.
    pub fn orders(&self) -> Vec<Value> {
        self.with_state(|company, _| {
            company.orders.iter().filter_map(|order| order.current_version().cloned()).collect()
        })
    }

    /// The products by SKU.
    pub fn products(&self) -> BTreeMap<String, Product> {
        self.with_state(|company, _| company.products.clone())
    }

    pub fn find_product(&self, sku: &str) -> Option<Product> {
        self.with_state(|company, _| company.products.get(sku).cloned())
    }

    /// A product's offer, unless it was never made or has been withdrawn.
    pub fn find_offer(&self, sku: &str) -> Option<Offer> {
        self.find_product(sku)?.offer
    }

    /// Inserts a product, as if the connector had sent it earlier.
    pub fn put_product(&self, sku: &str, product: Product) -> &Self {
        self.with_state(|company, _| company.products.insert(sku.to_owned(), product));
        self
    }
}
