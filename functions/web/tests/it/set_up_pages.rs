//! Setting up, changing, deactivating and activating again, as a merchant does it on the pages.

use domain::ids::ConnectionId;
use domain::{ClientId, UserId};
use jiff::SignedDuration;
use local::Stack;
use serde_json::{Value, json};
use simulators::robaws::Module;
use simulators::{Outage, demo};
use std::ops::Deref;
use store::model::{ConnectionItem, ConnectionState};
use world::browser::{Browser, Form, Page};
use world::{START, World, default_settings, order_of_one_line};

/// A world whose connection holds nothing yet.
struct Bare(World);

impl Deref for Bare {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

const SECRETS: [&str; 3] = [demo::ROBAWS_KEY, demo::ROBAWS_SECRET, demo::TOKEN];

impl Bare {
    async fn open() -> Self {
        let bare = Self(World::without_connection().await);
        bare.create_empty_connection("shop").await;
        bare
    }

    async fn create_empty_connection(&self, id: &str) {
        let body = json!({ "id": id, "language": "en" });
        let (status, answer) = self.stack.call_api("POST", "/api/connections", &body).await.unwrap();
        assert_eq!(status, 201, "{answer}");
    }

    async fn read_connection(&self) -> Value {
        let path = "/api/connections/shop";
        let (status, answer) = self.stack.call_api("GET", path, &Value::Null).await.unwrap();
        assert_eq!(status, 200);
        answer
    }

    async fn patch_connection(&self, body: Value) {
        let path = "/api/connections/shop";
        let (status, answer) = self.stack.call_api("PATCH", path, &body).await.unwrap();
        assert_eq!(status, 200, "{answer}");
    }

    /// Everything filled in, nothing activated.
    async fn complete_connection(&self) {
        self.patch_connection(json!({
            "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
            "productflow": { "access_token": demo::TOKEN, "company_id": demo::COMPANY },
            "settings": { "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION },
        }))
        .await;
    }
}

async fn read_connection_item(stack: &Stack) -> ConnectionItem {
    let id = ConnectionId::parse("shop").unwrap();
    stack.store.load_connection(&id).await.unwrap().unwrap()
}

fn with_credentials(form: &Form) -> Form {
    form.clone()
        .set("robaws_key", demo::ROBAWS_KEY)
        .set("robaws_secret", demo::ROBAWS_SECRET)
        .set("access_token", demo::TOKEN)
        .set("company_id", &demo::COMPANY.to_string())
}

fn fault_of_field(page: &Page, field: &str) -> String {
    let found = page.texts_of(&format!("#{field}-fault"));
    assert_eq!(found.len(), 1, "{field} on {}: {}", page.path, page.visible_text());
    let marked = page.texts_of(&format!("#{field}[aria-invalid=true][aria-describedby~={field}-fault]"));
    assert_eq!(marked.len(), 1, "{field} is not marked: {}", page.html);
    found.into_iter().next().unwrap()
}

fn count_elements(page: &Page, css: &str) -> usize {
    page.texts_of(css).len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_sign_in_link_to_an_active_connection() {
    let world = Bare::open().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    assert_eq!(browser.get("/c/shop/settings").await.path, "/c/shop/set-up");
    let page = browser.get("/c/shop/set-up").await;
    assert!(page.visible_text().contains("https://cloud.productflow.com/profile"), "{}", page.visible_text());
    let page = browser.submit_form(&with_credentials(&page.form_to("/set-up"))).await;
    assert_eq!(page.path, "/c/shop/set-up/choices?done=connected", "{}", page.visible_text());
    let form = page.form_to("/set-up/choices");
    assert_eq!(form.value("task_user_id"), Some(demo::USER), "the only user");
    assert_eq!(form.value("stock_location_id"), Some(""), "there are two");
    assert_eq!(form.value("b2c_client_id"), None, "there are two");
    assert_eq!(count_elements(&page, "input[name=b2c_client_id]"), 2, "all there are");
    let form = form
        .set("b2c_client_id", demo::B2C_CLIENT)
        .set("stock_location_id", demo::STOCK_LOCATION)
        .set("send_sale_price", "true")
        .set("sale_price_vat_tariff_id", "7")
        .set("status_open", "new, paid");
    let page = browser.submit_form(&form).await;
    assert_eq!(page.path, "/c/shop/set-up/start?done=saved", "{}", page.visible_text());
    let form = page.form_to("/set-up/start");
    assert_eq!(form.value("go_live"), Some("2026-11-23T09:00"), "now, in Brussels");
    let page = browser.submit_form(&form.set("do", "activate")).await;
    assert_eq!((page.status, page.path.as_str()), (200, "/c/shop?done=activated"));
    assert!(page.visible_text().contains("The integration is active."));
    let shown = world.read_connection().await;
    assert_eq!((&shown["state"], &shown["go_live"]), (&json!("active"), &json!(START)));
    let settings = &shown["settings"];
    assert_eq!(settings["b2c_client_id"], demo::B2C_CLIENT);
    assert_eq!(settings["task_user_id"], demo::USER);
    assert_eq!(settings["send_sale_price"], true);
    assert_eq!(settings["sale_price_vat_tariff_id"], "7");
    assert_eq!(settings["status_words"]["open"], json!(["open", "accepted", "new", "paid"]));
    assert_eq!(settings["book_invoices"], false);
    assert_eq!(world.robaws.webhook_endpoints().len(), 1);
    assert_eq!(browser.get("/c/shop/set-up/start").await.path, "/c/shop/settings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_peers_are_tried_at_once_and_only_what_works_is_kept() {
    let world = Bare::open().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/set-up").await;
    let form = with_credentials(&page.form_to("/set-up"));
    let wrong = form.clone().set("robaws_secret", "typo").set("access_token", "typo");
    let page = browser.submit_form(&wrong).await;
    assert_eq!(page.status, 422);
    let said = page.texts_of("ul.told li");
    assert!(said[0].starts_with("Robaws : Robaws does not accept this API key"), "{said:?}");
    assert!(said[1].starts_with("ProductFlow : This access token is not right"), "{said:?}");
    assert!(fault_of_field(&page, "robaws_key").contains("does not accept this API key"));
    assert!(fault_of_field(&page, "access_token").contains("not right"));
    assert_eq!(page.form_to("/set-up").value("company_id"), Some("42"), "kept as typed");
    let shown = world.read_connection().await;
    assert_eq!(shown["robaws"]["configured"], false);
    assert_eq!(shown["productflow"], json!({ "configured": false, "company_id": null }));
    // The token is right, the company is not: what works needs no typing again.
    let page = browser.submit_form(&form.clone().set("company_id", "43")).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.texts_of("ul.told li")[0], "Robaws : works");
    assert!(fault_of_field(&page, "company_id").contains("no access to this Company Id"));
    assert_eq!(
        page.texts_of(".hint")
            .iter()
            .filter(|hint| hint.contains("Filled in. Leave empty to keep it."))
            .count(),
        3
    );
    let form = page.form_to("/set-up");
    for field in ["robaws_key", "robaws_secret", "access_token"] {
        assert_eq!(form.value(field), Some(""), "never sent back");
    }
    for secret in SECRETS {
        assert!(!page.html.contains(secret), "never sent back");
    }
    let page = browser.submit_form(&form.set("company_id", "42")).await;
    assert_eq!(page.path, "/c/shop/set-up/choices?done=connected");
    let shown = world.read_connection().await;
    assert_eq!(shown["robaws"]["configured"], true);
    assert_eq!(shown["productflow"], json!({ "configured": true, "company_id": 42 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_wrongly_or_missing_is_named_at_its_field() {
    let world = Bare::open().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let form = browser.get("/c/shop/set-up").await.form_to("/set-up");
    let page = browser.submit_form(&form).await;
    assert_eq!(fault_of_field(&page, "robaws_key"), "Robaws API key is not filled in yet.");
    assert_eq!(fault_of_field(&page, "access_token"), "Access Token is not filled in yet.");
    assert_eq!(fault_of_field(&page, "company_id"), "Company Id is not filled in yet.");
    let half = with_credentials(&form).without("robaws_secret").set("company_id", "forty");
    let page = browser.submit_form(&half).await;
    assert_eq!(page.status, 422);
    assert_eq!(
        fault_of_field(&page, "robaws_secret"),
        "Fill in both the key and the secret: they belong together."
    );
    assert_eq!(fault_of_field(&page, "company_id"), "The Company Id is a whole number, such as 42.");
    assert_eq!(page.form_to("/set-up").value("company_id"), Some("forty"));
    let page =
        browser.submit_form(&with_credentials(&form).set("robaws_key", "a b").set("company_id", "0")).await;
    assert!(fault_of_field(&page, "robaws_key").contains("Copy it again"));
    assert!(fault_of_field(&page, "company_id").contains("whole number"));
    assert_eq!(world.read_connection().await["robaws"]["configured"], false);
    // A company of another connection.
    world.complete_connection().await;
    let path = "/api/connections/shop/activate";
    assert_eq!(world.stack.call_api("POST", path, &Value::Null).await.unwrap().0, 200);
    world.create_empty_connection("other").await;
    let mut other = Browser::new_signed_in(&world.stack, "other").await;
    let form = other.get("/c/other/set-up").await.form_to("/set-up");
    let page = other.submit_form(&with_credentials(&form)).await;
    assert!(fault_of_field(&page, "company_id").contains("already connected"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_answer_is_named_and_what_was_typed_is_kept() {
    let world = Bare::open().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let form = with_credentials(&browser.get("/c/shop/set-up").await.form_to("/set-up"));
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    world.stack.productflow.set_outage(Some(Outage::Drop));
    let page = browser.submit_form(&form).await;
    assert_eq!(page.status, 422);
    assert!(fault_of_field(&page, "robaws_key").contains("Robaws does not answer"));
    assert!(fault_of_field(&page, "access_token").contains("ProductFlow does not answer"));
    world.stack.robaws.set_outage(None);
    world.stack.productflow.set_outage(None);
    let page = browser.submit_form(&page.form_to("/set-up")).await;
    assert_eq!(page.path, "/c/shop/set-up/choices?done=connected");
    // An API user that may not read a module: kept, named, and not gone on with.
    world.robaws.add_user("poor", "poor-secret", &[Module::StockLocations, Module::Articles]);
    let form = browser.get("/c/shop/set-up").await.form_to("/set-up");
    let page = browser.submit_form(&form.set("robaws_key", "poor").set("robaws_secret", "poor-secret")).await;
    assert_eq!(page.status, 422);
    assert!(fault_of_field(&page, "robaws_key").contains("sales-invoices"), "{}", page.visible_text());
    world.robaws.add_admin("poor", "poor-secret");
    let page = browser.submit_form(&page.form_to("/set-up")).await;
    assert_eq!(page.path, "/c/shop/set-up/choices?done=connected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_searched_by_name_or_number_and_nothing_typed_is_lost() {
    let world = Bare::open().await;
    world.complete_connection().await;
    for number in 100..130 {
        world.robaws.put_client(&number.to_string(), &format!("Client {number} Janssens"));
    }
    for ignored in [false, true] {
        if ignored {
            world.robaws.change_settings(|settings| {
                settings.ignored_filters.insert("name".to_owned());
            });
        }
        let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
        let page = browser.get("/c/shop/set-up/choices").await;
        assert_eq!(page.form_to("/choices").value("b2c_client_id"), Some(demo::B2C_CLIENT));
        let typed = page
            .form_to("/choices")
            .set("do", "search")
            .set("order_amounts", "euros")
            .set("status_open", "new");
        let search = |text: &str| typed.clone().set("client_search", text);
        let page = browser.submit_form(&search("BOUW")).await;
        assert_eq!(page.status, 200);
        assert_eq!(
            page.texts_of("#b2c_client_id label.box"),
            ["Webshop B2C (5)", "Bouwbedrijf Janssens (6)"]
        );
        let form = page.form_to("/choices");
        assert_eq!(form.value("b2c_client_id"), Some("5"), "what is set stays chosen");
        assert_eq!(form.value("order_amounts"), Some("euros"));
        assert_eq!(form.value("status_open"), Some("new"));
        assert_eq!(form.value("client_search"), Some("BOUW"));
        let page = browser.submit_form(&search("janssens")).await;
        assert_eq!(count_elements(&page, "input[name=b2c_client_id]"), 21, "twenty, and the one that is set");
        assert!(page.visible_text().contains("There are more clients than the 20 shown here"));
        let page = browser.submit_form(&search("117")).await;
        assert_eq!(
            page.texts_of("#b2c_client_id label.box"),
            ["Webshop B2C (5)", "Client 117 Janssens (117)"]
        );
        let page = browser.submit_form(&search("nobody")).await;
        assert!(page.visible_text().contains("No client \"nobody\" was found"));
        assert_eq!(
            world.read_connection().await["settings"]["order_amounts"],
            "cents",
            "a search keeps nothing"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_that_is_missing_or_impossible_stands_at_its_field() {
    let world = Bare::open().await;
    world.complete_connection().await;
    world.robaws.put_company("2", "Demo 2 BV");
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/set-up/choices").await;
    assert_eq!(count_elements(&page, "details [name=robaws_company_id]"), 0, "in sight, since there are two");
    let page = browser.submit_form(&page.form_to("/choices")).await;
    assert_eq!(page.status, 422);
    assert!(fault_of_field(&page, "robaws_company_id").contains("Choose which one invoices"));
    let form = page.form_to("/choices").set("robaws_company_id", "2");
    let page = browser
        .submit_form(&form.clone().set("stock_location_id", "").set("product_language", "Dutch please"))
        .await;
    assert!(fault_of_field(&page, "product_language").contains("language code"));
    assert_eq!(page.form_to("/choices").value("product_language"), Some("Dutch please"));
    assert_eq!(
        world.read_connection().await["settings"]["stock_location_id"],
        demo::STOCK_LOCATION,
        "all or nothing"
    );
    let page = browser.submit_form(&form.clone().set("status_cancelled", "shipped")).await;
    assert!(
        fault_of_field(&page, "status_shipped").contains("\"shipped\" stands in two lists"),
        "{}",
        page.visible_text()
    );
    assert!(fault_of_field(&page, "status_cancelled").contains("stands in two lists"));
    assert_eq!(count_elements(&page, "#status_open-fault"), 0);
    assert_eq!(count_elements(&page, "details[open]"), 1, "not folded away");
    let page = browser.submit_form(&form.clone().set("b2c_client_id", "../users/1")).await;
    assert!(fault_of_field(&page, "b2c_client_id").contains("Choose one from the list"));
    let page = browser.submit_form(&form).await;
    assert_eq!(page.path, "/c/shop/set-up/start?done=saved");
    let settings = world.read_connection().await["settings"].clone();
    assert_eq!(settings["robaws_company_id"], "2");
    assert_eq!(settings["product_language"], "nl");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_activation_leads_to_its_field() {
    let world = Bare::open().await;
    world.complete_connection().await;
    world.patch_connection(json!({ "settings": { "stock_location_id": "77" } })).await;
    let all_but_webhooks: Vec<Module> =
        Module::ALL.into_iter().filter(|module| *module != Module::WebhookEndpoints).collect();
    world.robaws.add_user("user", "secret", &all_but_webhooks);
    world.patch_connection(json!({ "robaws": { "key": "user", "secret": "secret" } })).await;
    world.stack.productflow.revoke_token(demo::TOKEN);
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let start = browser.get("/c/shop/set-up/start").await.form_to("/start");
    let page = browser.submit_form(&start).await;
    assert_eq!(page.status, 422);
    assert!(
        page.visible_text()
            .contains("The integration is not activated. Correct what is marked below; nothing was changed.")
    );
    let links: Vec<String> = page.link_paths().into_iter().filter(|link| link.contains("check=")).collect();
    assert_eq!(
        links,
        ["/c/shop/set-up?check=1#access_token", "/c/shop/set-up/choices?check=1#stock_location_id"]
    );
    assert_eq!(world.read_connection().await["state"], "inactive");
    let page = browser.get("/c/shop/set-up/choices?check=1").await;
    assert!(fault_of_field(&page, "stock_location_id").contains("does not exist in Robaws"));
    assert_eq!(count_elements(&page, ".note a"), 1, "what belongs to the other step stands there");
    let form = page.form_to("/choices").set("stock_location_id", "4");
    assert_eq!(browser.submit_form(&form).await.path, "/c/shop/set-up/start?done=saved");
    let page = browser.get("/c/shop/set-up?check=1").await;
    assert!(fault_of_field(&page, "access_token").contains("not right"));
    world.stack.productflow.company_numbered(demo::COMPANY).add_token("fresh");
    let page = browser.submit_form(&page.form_to("/set-up").set("access_token", "fresh")).await;
    assert_eq!(page.path, "/c/shop/set-up/choices?done=connected");
    // Only the activation itself finds out that the API user may not register webhooks.
    let page = browser.submit_form(&start).await;
    assert_eq!(page.status, 422);
    let links = page.link_paths();
    let link = "/c/shop/set-up?check=webhooks#robaws_key";
    assert!(links.iter().any(|found| found == link), "{links:?}");
    let page = browser.get("/c/shop/set-up?check=webhooks").await;
    assert!(fault_of_field(&page, "robaws_key").contains("Make the API user an administrator"));
    world.robaws.add_admin("user", "secret");
    assert_eq!(browser.submit_form(&start).await.path, "/c/shop?done=activated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_is_chosen_in_local_time_and_shown_in_the_preview_first() {
    let world = Bare::open().await;
    world.complete_connection().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let form = browser.get("/c/shop/set-up/start").await.form_to("/start");
    let typed = form.clone().set("go_live", "2026-11-01T08:30");
    let preview = typed.clone().set("do", "preview");
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(&preview.fields);
    let page = browser.send_request("POST", "/c/shop/set-up/start", &body.finish()).await;
    assert_eq!(
        (page.status, page.headers["location"].as_str()),
        (303, Some("/c/shop/preview?go_live=2026-11-01T07:30:00Z"))
    );
    let back = browser.get("/c/shop/set-up/start?go_live=2026-11-01T07:30:00Z").await;
    assert_eq!(back.form_to("/start").value("go_live"), Some("2026-11-01T08:30"), "as it was typed");
    let page = browser.submit_form(&form.set("go_live", "yesterday")).await;
    assert_eq!(page.status, 422);
    assert_eq!(fault_of_field(&page, "go_live"), "Fill in a day and a time.");
    assert_eq!(page.form_to("/start").value("go_live"), Some("yesterday"));
    assert_eq!(world.read_connection().await["state"], "inactive");
    browser.submit_form(&typed).await;
    assert_eq!(world.read_connection().await["go_live"], "2026-11-01T07:30:00Z");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_change_only_what_was_changed() {
    let world = World::new().await;
    world.robaws.put_client("7", "Other");
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/settings").await;
    let before = read_connection_item(&world.stack).await.connection;
    let untouched = browser.submit_form(&page.form_to("/settings")).await;
    assert_eq!(untouched.path, "/c/shop/settings?done=saved");
    assert_eq!(read_connection_item(&world.stack).await.connection, before, "nothing was written");
    let form = page
        .form_to("/settings")
        .set("stock_location_id", "4")
        .set("language", "fr")
        .set("payment_condition_id", "2")
        .set("book_invoices", "true");
    let page = browser.submit_form(&form).await;
    assert!(page.visible_text().contains("Paramètres"), "{}", page.visible_text());
    let after = read_connection_item(&world.stack).await.connection;
    let mut expected = default_settings();
    expected.stock_location_id = Some(domain::StockLocationId::parse("4").unwrap());
    expected.payment_condition_id = Some(domain::PaymentConditionId::parse("2").unwrap());
    expected.book_invoices = true;
    assert_eq!(after.settings, expected);
    assert_eq!(after.language, domain::Language::FR);
    // Gone in Robaws meanwhile: refused at its field, in the reader's language, and nothing is changed.
    world.robaws.remove_record(Module::StockLocations, demo::STOCK_LOCATION);
    let form = page
        .form_to("/settings")
        .set("stock_location_id", demo::STOCK_LOCATION)
        .set("payment_condition_id", "");
    let page = browser.submit_form(&form).await;
    assert_eq!(page.status, 422);
    assert!(fault_of_field(&page, "stock_location_id").contains("n'existe pas dans Robaws"));
    assert!(page.visible_text().contains("rien n'a été modifié"), "{}", page.visible_text());
    assert_eq!(read_connection_item(&world.stack).await.connection, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_robaws_the_rest_can_be_saved() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    let page = browser.get("/c/shop/settings").await;
    assert_eq!(page.status, 200);
    assert!(
        page.visible_text().contains("Robaws does not answer everything at the moment"),
        "{}",
        page.visible_text()
    );
    assert_eq!(count_elements(&page, "select[name=stock_location_id]"), 0);
    assert!(page.texts_of("#stock_location_id")[0].contains(demo::STOCK_LOCATION));
    let form = page.form_to("/settings").set("language", "nl").set("send_sale_price", "true");
    let page = browser.submit_form(&form).await;
    assert_eq!(page.path, "/c/shop/settings?done=saved", "{}", page.visible_text());
    let connection = read_connection_item(&world.stack).await.connection;
    assert!(connection.settings.send_sale_price);
    assert_eq!(connection.settings.stock_location_id, default_settings().stock_location_id);
    assert_eq!(connection.settings.b2c_client_id, default_settings().b2c_client_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_change_only_soon_after_signing_in() {
    let mut settings = default_settings();
    settings.task_user_id = Some(UserId::parse(demo::USER).unwrap());
    let world = World::with_settings(settings).await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    let other = world.stack.robaws.tenant_named("other");
    other.add_admin("other-key", "other-secret").put_stock_location("3", "Depot");
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/settings").await;
    assert_eq!(count_elements(&page, "input[name=company_id]"), 0, "fixed since the first activation");
    assert!(page.texts_of("#company_id")[0].contains("42"));
    let form = page.form_to("/settings/credentials");
    let secret_version = read_connection_item(&world.stack).await.connection.secret_version;
    let keys = |form: &Form, key: &str, secret: &str| {
        form.clone().set("robaws_key", key).set("robaws_secret", secret)
    };
    for (typed, field, says) in [
        (keys(&form, "other-key", "other-secret"), "robaws_key", "another Robaws tenant"),
        (keys(&form, demo::ROBAWS_KEY, "typo"), "robaws_key", "does not accept"),
        (form.clone().set("access_token", "typo"), "access_token", "not right"),
    ] {
        let page = browser.submit_form(&typed).await;
        assert_eq!(page.status, 422, "{}", page.visible_text());
        assert!(fault_of_field(&page, field).contains(says), "{}", page.visible_text());
    }
    let forced = browser.submit_form(&form.clone().set("company_id", "43")).await;
    assert_eq!(forced.status, 422, "a field that the page does not have");
    assert_eq!(read_connection_item(&world.stack).await.connection.secret_version, secret_version);
    world.robaws.add_admin("second", "second-secret");
    let page = browser.submit_form(&keys(&form, "second", "second-secret")).await;
    assert_eq!(page.path, "/c/shop/settings?done=connected", "{}", page.visible_text());
    let secret_version = read_connection_item(&world.stack).await.connection.secret_version;
    // Half a day later the session still sees everything, but changes no credentials.
    world.clock.advance_by(SignedDuration::from_hours(12));
    let page = browser.get("/c/shop/settings").await;
    assert_eq!((page.status, count_elements(&page, "input[type=password]")), (200, 0));
    assert!(page.visible_text().contains("within 12 hours after signing in"), "{}", page.visible_text());
    let refused = browser.submit_form(&keys(&form, demo::ROBAWS_KEY, demo::ROBAWS_SECRET)).await;
    assert_eq!(refused.status, 403);
    assert_eq!(read_connection_item(&world.stack).await.connection.secret_version, secret_version);
    let page = browser.submit_form(&page.form_to("/settings/new-link")).await;
    assert_eq!(page.path, "/c/shop/settings?done=link_sent");
    world.stack.drain_queues().await.unwrap();
    let tasks = world.robaws.tasks();
    let text =
        tasks.iter().find_map(|task| task.description.clone().filter(|text| text.contains("/in/"))).unwrap();
    let link = text.lines().find(|line| line.contains("/in/")).unwrap();
    let url: url::Url = link.parse().unwrap();
    let page = browser.get(url.path()).await;
    let page = browser.submit_form(&page.form_to(url.path())).await;
    assert_eq!(page.path, "/c/shop/settings");
    assert_eq!(count_elements(&page, "input[type=password]"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivating_says_what_is_left_and_a_short_break_needs_no_question() {
    let world = World::new().await;
    for identifier in ["PF-1", "PF-2", "PF-3"] {
        world.place_order(order_of_one_line(identifier));
    }
    world.poll_and_work().await;
    world.productflow.ship_order("PF-3");
    world.poll_for_minutes(10).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/deactivate").await;
    assert!(page.visible_text().contains("2 orders are not invoiced yet"), "{}", page.visible_text());
    let page = browser.submit_form(&page.form_to("/deactivate")).await;
    assert_eq!(page.path, "/c/shop/settings?done=deactivated");
    assert_eq!(read_connection_item(&world.stack).await.connection.state, ConnectionState::Inactive);
    assert!(world.robaws.webhook_endpoints().is_empty());
    assert!(page.link_paths().contains(&"/c/shop/activate".to_owned()));
    assert_eq!(browser.get("/c/shop/deactivate").await.path, "/c/shop/settings");
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(15).await;
    assert_eq!(world.robaws.invoices().len(), 1, "nothing is booked meanwhile");
    let form = browser.get("/c/shop/activate").await.form_to("/activate");
    assert_eq!(browser.submit_form(&form).await.path, "/c/shop?done=activated");
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(browser.get("/c/shop/activate").await.path, "/c/shop/settings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_long_break_the_merchant_decides_what_becomes_of_the_orders() {
    for catch_up in ["true", "false"] {
        let world = World::new().await;
        world.place_order(order_of_one_line("PF-1"));
        world.poll_and_work().await;
        let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
        let page = browser.get("/c/shop/deactivate").await;
        browser.submit_form(&page.form_to("/deactivate")).await;
        world.clock.advance_by(SignedDuration::from_hours(8 * 24));
        world.productflow.ship_order("PF-1");
        world.place_order(order_of_one_line("PF-2"));
        let form = browser.get("/c/shop/activate").await.form_to("/activate");
        let page = browser.submit_form(&form).await;
        assert_eq!(page.status, 409);
        let text = page.visible_text();
        assert!(text.contains("The integration was not active since 23 Nov 2026"), "{text}");
        assert!(text.contains("2 orders came in") && text.contains("€119.96"), "{text}");
        assert_eq!(read_connection_item(&world.stack).await.connection.state, ConnectionState::Inactive);
        let page = browser.submit_form(&page.form_to("/activate").set("catch_up", catch_up)).await;
        assert_eq!(page.path, "/c/shop?done=activated");
        world.poll_for_minutes(15).await;
        let states = [world.order_state("PF-1").await, world.order_state("PF-2").await];
        let expected = if catch_up == "true" { ["invoiced", "booked"] } else { ["skipped", "skipped"] };
        assert_eq!(states, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_when_activating_again_leads_to_the_settings() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/deactivate").await;
    browser.submit_form(&page.form_to("/deactivate")).await;
    world.robaws.remove_record(Module::Clients, demo::B2C_CLIENT);
    let form = browser.get("/c/shop/activate").await.form_to("/activate");
    let page = browser.submit_form(&form).await;
    assert_eq!(page.status, 422);
    assert!(
        page.link_paths().contains(&"/c/shop/settings?check=1#b2c_client_id".to_owned()),
        "{:?}",
        page.link_paths()
    );
    let page = browser.get("/c/shop/settings?check=1").await;
    assert!(fault_of_field(&page, "b2c_client_id").contains("does not exist in Robaws"));
    assert_eq!(page.texts_of("#b2c_client_id label.box")[0], "5 (no longer in Robaws)");
    let page = browser.submit_form(&page.form_to("/settings").set("b2c_client_id", "6")).await;
    assert_eq!(page.path, "/c/shop/settings?done=saved");
    assert_eq!(browser.submit_form(&form).await.path, "/c/shop?done=activated");
    let set = read_connection_item(&world.stack).await.connection.settings.b2c_client_id;
    assert_eq!(set, Some(ClientId::parse("6").unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_connection_says_why_nothing_can_be_activated() {
    let world = World::new().await;
    let mut connection = read_connection_item(&world.stack).await.connection;
    connection.state = ConnectionState::Suspended;
    world.stack.store.update_connection(&connection).await.unwrap();
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let why = "its records of what was booked must be restored first";
    let settings = browser.get("/c/shop/settings").await;
    assert!(settings.visible_text().contains(why), "{}", settings.visible_text());
    for path in ["/c/shop/activate", "/c/shop/deactivate"] {
        let page = browser.get(path).await;
        assert!(page.visible_text().contains(why), "{}", page.visible_text());
        assert_eq!(count_elements(&page, "main form"), 0, "no button");
        // A button of a page that was opened before does nothing either.
        let token = settings.form_to("/settings").value("token").unwrap().to_owned();
        let form = Form { action: path.to_owned(), fields: vec![("token".to_owned(), token)] };
        assert!(browser.submit_form(&form).await.status >= 400);
        assert_eq!(read_connection_item(&world.stack).await.connection.state, ConnectionState::Suspended);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_sees_or_changes_anything() {
    let world = World::new().await;
    let body = json!({ "id": "other" });
    assert_eq!(world.stack.call_api("POST", "/api/connections", &body).await.unwrap().0, 201);
    let before = read_connection_item(&world.stack).await.connection;
    let mut owner = Browser::new_signed_in(&world.stack, "shop").await;
    let mut other = Browser::new_signed_in(&world.stack, "other").await;
    let mut nobody = Browser::new(&world.stack);
    let own = owner.get("/c/shop/settings").await.form_to("/settings");
    let stolen = other.get("/c/other/set-up").await.form_to("/set-up");
    for path in [
        "/c/shop/set-up",
        "/c/shop/set-up/choices",
        "/c/shop/set-up/start",
        "/c/shop/settings",
        "/c/shop/settings/credentials",
        "/c/shop/settings/new-link",
        "/c/shop/activate",
        "/c/shop/deactivate",
    ] {
        for browser in [&mut other, &mut nobody] {
            assert_eq!(browser.get(path).await.status, 401, "{path}");
            let form = Form { action: path.to_owned(), fields: stolen.fields.clone() };
            assert_eq!(browser.submit_form(&form).await.status, 401, "{path}");
        }
        for token in [None, Some("00"), stolen.value("token")] {
            let mut form =
                own.clone().without("token").set("stock_location_id", "4").set("access_token", "mine");
            form.action = path.to_owned();
            if let Some(token) = token {
                form = form.set("token", token);
            }
            assert_eq!(owner.submit_form(&form).await.status, 403, "{path}");
        }
    }
    assert_eq!(read_connection_item(&world.stack).await.connection, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lists_leave_the_page_small() {
    let world = World::new().await;
    let name = "A name as long as it takes to fill a page with it if nobody looks after its length";
    for number in 1_000..1_055 {
        let id = number.to_string();
        world
            .robaws
            .put_user(&id, name)
            .put_stock_location(&id, name)
            .put_client(&id, name)
            .put_payment_condition(&id, name)
            .put_company(&id, name);
    }
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    // The browser itself refuses a page that is too large.
    let page = browser.get("/c/shop/settings").await;
    assert!(count_elements(&page, "select[name=task_user_id] option") > 50);
    for number in 1_055..1_150 {
        world.robaws.put_user(&number.to_string(), name);
    }
    let page = browser.get("/c/shop/settings").await;
    let form = page.form_to("/settings").set("task_user_id", "1140");
    assert!(page.visible_text().contains("There are too many to show"));
    assert_eq!(browser.submit_form(&form).await.path, "/c/shop/settings?done=saved");
    let page = browser.submit_form(&page.form_to("/settings").set("task_user_id", "1")).await;
    assert!(fault_of_field(&page, "task_user_id").contains("does not exist in Robaws"));
}
