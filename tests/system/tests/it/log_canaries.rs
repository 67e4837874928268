//! No secret and nothing of a buyer is in any log, metric, answer of the API or page where it does not belong: each is a word of its
//! own, whole stories run with all that can go wrong, and every line, at the most talkative level, is searched for them.
//!
//! The tests run on one thread, so that a subscriber of that thread sees the lines of every function.

use jiff::SignedDuration;
use lambda_runtime::Context;
use local::Stack;
use local::stack::OPERATOR_TOKEN;
use runtime::clock::ManualClock;
use runtime::telemetry;
use serde_json::{Value, json};
use simulators::traffic::{Answer, Effect};
use simulators::{Company, Fault, OrderBuilder, Outage, RobawsTenant, demo};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use world::browser::Browser;
use world::{START, order_of_one_line};

const KEY: &str = "canary-robaws-key-7f3a";
const SECRET: &str = "canary-robaws-secret-91bc";
const TOKEN: &str = "canary-productflow-token-c2d8";
/// Credentials that the merchant typed and that are refused.
const TYPED: [&str; 3] = ["canary-typed-key-0a", "canary-typed-secret-0b", "canary-typed-token-0c"];
/// What the orders say of their buyers.
const BUYER: [(&str, &str); 9] = [
    ("first_name", "Canaryfirst"),
    ("last_name", "Canarylast"),
    ("street_name", "Canarystraat"),
    ("house_number", "Canary77"),
    ("zip_code", "Canary9000"),
    ("city", "Canarygem"),
    ("email", "canary.buyer@example.net"),
    ("phone", "+32470canary"),
    ("care_of", "Canarycareof"),
];
const BUSINESS: &str = "Canarybakkerij";
const VAT_NUMBER: &str = "BE0CANARY749";

/// Lines that were logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen_to_logs() -> (Self, DefaultGuard) {
        // With one subscriber alone, a line that a test on another thread writes first would be asked of that thread, which has
        // none, and be silent from then on. A second one makes every line be asked of all.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(telemetry::log_subscriber("debug", std::io::sink)));
        let log = Self::default();
        let writer = log.clone();
        let subscriber = telemetry::log_subscriber("debug", move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.text();
        let parsed = text.lines().map(|line| serde_json::from_str(line).unwrap());
        parsed.collect()
    }
}

/// A shop whose every secret and buyer is known by a word of its own.
struct Watched {
    stack: Stack,
    clock: ManualClock,
    robaws: RobawsTenant,
    productflow: Company,
    log: Log,
    /// Answers of the API and pages, with where they came from.
    shown: Vec<(String, String)>,
    _listening: DefaultGuard,
}

impl Watched {
    async fn open() -> Self {
        let (log, listening) = Log::listen_to_logs();
        let clock = ManualClock::starting_at(START.parse().unwrap());
        let stack = Stack::start_empty(Arc::new(clock.clone())).await.unwrap();
        demo::seed_demo_shop(&stack.robaws, &stack.productflow);
        let robaws = stack.robaws.tenant_named(demo::TENANT);
        robaws.add_admin(KEY, SECRET);
        let productflow = stack.productflow.company_numbered(demo::COMPANY);
        productflow.add_token(TOKEN);
        Self { stack, clock, robaws, productflow, log, shown: Vec::new(), _listening: listening }
    }

    async fn call_api(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/connections{path}");
        let (status, answer) = self.stack.call_api(method, &path, &body).await.unwrap();
        self.shown.push((format!("{method} {path}: {status}"), answer.to_string()));
        (status, answer)
    }

    async fn connect_shop(&mut self) {
        let [key, secret, token] = TYPED;
        let settings = json!({
            "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION, "task_user_id": demo::USER,
        });
        let typed = json!({
            "id": "shop", "language": "en", "robaws": { "key": key, "secret": secret },
            "productflow": { "access_token": token, "company_id": demo::COMPANY }, "settings": settings,
        });
        assert_eq!(self.call_api("POST", "", typed).await.0, 201);
        assert_eq!(self.call_api("POST", "/shop/activate", Value::Null).await.0, 422);
        let malformed = json!({ "robaws": SECRET, "productflow": TOKEN });
        assert_eq!(self.call_api("PATCH", "/shop", malformed).await.0, 400);
        let right = json!({
            "robaws": { "key": KEY, "secret": SECRET },
            "productflow": { "access_token": TOKEN, "company_id": demo::COMPANY },
        });
        assert_eq!(self.call_api("PATCH", "/shop", right).await.0, 200);
        assert_eq!(self.call_api("POST", "/shop/activate", Value::Null).await.0, 200);
    }

    fn place_order(&self, order: OrderBuilder) {
        let now = runtime::clock::Clock::now(&self.clock).to_string();
        self.productflow.place_order(order.with_placed_at(&now));
    }

    async fn poll_times(&self, times: u32) {
        for _ in 0..times {
            self.clock.advance_by(SignedDuration::from_mins(5));
            self.stack.robaws.deliver_webhooks().await;
            // A function that fails as a whole is part of the story.
            drop(self.stack.run_poll().await);
            self.stack.drain_queues().await.unwrap();
        }
    }

    fn webhook_secrets(&self) -> Vec<String> {
        let endpoints = self.robaws.webhook_endpoints();
        endpoints.into_iter().map(|endpoint| endpoint.secret).collect()
    }

    /// Nothing of it is anywhere but where it belongs. `tokens`: what opens a page, which stands in the page that it opens.
    fn assert_kept(&self, tokens: &[String]) {
        let log = self.log.text();
        let metrics = Value::Array(self.stack.metrics.lines()).to_string();
        let webhook = self.webhook_secrets();
        assert!(!webhook.is_empty());
        let mut words: Vec<&str> = BUYER.iter().map(|(_, word)| *word).collect();
        words.extend([BUSINESS, VAT_NUMBER, "anary", KEY, SECRET, TOKEN, OPERATOR_TOKEN]);
        words.extend(TYPED);
        words.extend(webhook.iter().map(String::as_str));
        for word in words.iter().copied().chain(tokens.iter().map(String::as_str)) {
            assert!(!word.is_empty());
            if let Some(line) = log.lines().find(|line| line.contains(word)) {
                panic!("{word} was logged: {line}");
            }
            assert!(!metrics.contains(word), "{word} is in a metric");
        }
        for (place, text) in &self.shown {
            for word in &words {
                assert!(!text.contains(word), "{word} is shown by {place}: {text}");
            }
        }
    }
}

fn of_buyer(order: OrderBuilder, business: bool) -> OrderBuilder {
    let mut customer: serde_json::Map<String, Value> =
        BUYER.iter().map(|(field, word)| ((*field).to_owned(), Value::from(*word))).collect();
    customer.insert("country_code".to_owned(), "BE".into());
    if business {
        customer.insert("company_name".to_owned(), BUSINESS.into());
        customer.insert("vat_number".to_owned(), VAT_NUMBER.into());
    }
    order
        .with_field("billing_customer", customer.clone())
        .with_field("shipping_customer", customer)
        .with_field("customer_email", "canary.buyer@example.net")
        .with_field("remark", "Canaryfirst rings twice")
}

/// A refusal whose sentence repeats what was sent, with more beside it that was not.
fn make_echo(sent: &str) -> Value {
    let of_buyer = BUYER.map(|(_, word)| word).join(" ");
    let all = format!("{sent} is not valid: {sent}");
    json!({ "message": all, "error": all, "correlationId": "c-1", "buyer": of_buyer, "auth": [KEY, SECRET, TOKEN] })
}

fn echo_request(fault: Fault, status: u16, sent: &str) -> Fault {
    fault.with_effect(Effect::Answer(Answer::with_json(status, make_echo(sent))))
}

/// An answer of the right kind of which a value is somebody's name.
fn make_unreadable(fault: Fault) -> Fault {
    let body = json!({ "id": { "of": "Canarylast" }, "items": "Canarylast", "data": "Canarylast", "totalPages": "Canarylast" });
    fault.with_effect(Effect::Answer(Answer::with_json(200, body)))
}

#[test]
fn no_secret_and_nothing_of_a_buyer_is_logged_or_shown() {
    on_one_thread(live_through_story);
}

/// The whole system on one thread takes more stack than a test has.
fn on_one_thread<F: Future<Output = ()> + 'static>(story: fn() -> F) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(story());
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run);
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

async fn live_through_story() {
    let mut world = Watched::open().await;
    world.connect_shop().await;
    world.stack.run_until_quiet().await.unwrap();
    for (identifier, business) in
        [("PF-1", false), ("PF-2", true), ("PF-3", true), ("PF-4", false), ("PF-5", true)]
    {
        world.place_order(of_buyer(order_of_one_line(identifier), business));
    }
    world.place_order(of_buyer(order_of_one_line("PF-6").with_line("UNKNOWN", 1, 300, None), true));
    world.place_order(of_buyer(
        order_of_one_line("PF-7").with_field("shipping_cost", json!({ "of": 1 })),
        true,
    ));
    world.poll_times(2).await;

    // All that a peer can answer, on reads and on writes.
    let robaws = &world.stack.robaws;
    let headers = || Fault::for_call("POST", "/sales-invoices");
    let login = format!("{KEY}:{SECRET}");
    let header = format!("{login} {BUSINESS} ({VAT_NUMBER})");
    robaws.add_fault(echo_request(headers().whose_text_contains("PF-2"), 422, &header).for_calls(3));
    robaws.add_fault(echo_request(headers().whose_text_contains("PF-3"), 500, &header).for_calls(2));
    robaws.add_fault(make_unreadable(headers().whose_text_contains("PF-5")));
    robaws.add_fault(echo_request(Fault::for_call("POST", "/sales-invoices/*/line-items"), 400, &login));
    robaws.add_fault(make_unreadable(Fault::for_call("GET", "/articles")));
    for order in ["PF-1", "PF-2", "PF-3", "PF-5"] {
        world.productflow.ship_order(order);
    }
    world.productflow.cancel_order("PF-4");
    world.poll_times(12).await;
    let codes = world.call_api("GET", "/shop/orders/PF-2", Value::Null).await.1["problems"].to_string();
    assert!(codes.contains("robaws_refused") || codes.contains("buyer_is_business"), "{codes}");

    let productflow = &world.stack.productflow;
    let bearer = format!("Bearer {TOKEN}");
    productflow.add_fault(echo_request(Fault::for_call("GET", "/order/*"), 422, BUSINESS).for_calls(2));
    productflow.add_fault(echo_request(Fault::for_call("GET", "/order/*"), 500, BUSINESS).for_calls(2));
    productflow.add_fault(make_unreadable(Fault::for_call("GET", "/order/*")));
    productflow.add_fault(echo_request(Fault::for_call("PUT", "**"), 422, &bearer).for_calls(2));
    productflow.add_fault(echo_request(Fault::for_call("POST", "**"), 422, &bearer).for_calls(2));
    productflow.add_fault(make_unreadable(Fault::for_call("GET", "/order")));
    for order in ["PF-1", "PF-2", "PF-3", "PF-6"] {
        world.productflow.edit_order(order, |order| order["lines"][0]["quantity"] = json!(3));
        world.call_api("POST", &format!("/shop/orders/{order}/retry"), Value::Null).await;
    }
    world.robaws.edit_article("12", |article| {
        article.cost_price = rust_decimal::Decimal::new(1234, 2);
    });
    world.poll_times(6).await;

    // Credentials that are refused, an outage, and a night.
    world.stack.robaws.add_fault(echo_request(Fault::for_call("*", "**"), 401, &header).for_calls(6));
    world.stack.productflow.add_fault(echo_request(Fault::for_call("*", "**"), 401, &header).for_calls(4));
    world.poll_times(3).await;
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    world.poll_times(4).await;
    world.stack.robaws.set_outage(None);
    world.stack.robaws.clear_faults();
    world.stack.productflow.clear_faults();
    world.poll_times(24).await;
    drop(world.stack.run_nightly_check().await);
    world.stack.drain_queues().await.unwrap();

    // A stranger at the webhook, and a panic with somebody in it.
    for signature in ["", "t=1,v1=00", "Canarylast"] {
        let headers = json!({ "robaws-signature": signature });
        let body = json!({ "event": "article.updated", "data": { "id": "Canarylast" } }).to_string();
        let headers = headers.as_object().unwrap();
        for id in ["shop", "Canarylast"] {
            let path = format!("/webhooks/robaws/{id}");
            let event = local::api_gateway::build_event(
                "POST",
                &path,
                "",
                headers,
                "localhost",
                &body.clone().into(),
            )
            .unwrap();
            let (status, answer) = world.stack.call_http(event).await.unwrap();
            assert!(matches!(status, 401 | 404), "{status}");
            world.shown.push((path.replace("Canarylast", "…"), answer));
        }
    }
    panic_in_handlers(&world).await;

    let tokens = visit_pages(&mut world).await;
    for path in
        ["/shop", "/shop/orders?limit=100", "/shop/notifications?state=all", "/shop/articles", "/shop/plan"]
    {
        world.call_api("GET", path, Value::Null).await;
    }
    for order in 1..=7 {
        world.call_api("GET", &format!("/shop/orders/PF-{order}"), Value::Null).await;
    }
    world.assert_kept(&tokens);
    let invoices = world.robaws.invoices();
    let remarks: Vec<_> = invoices.iter().filter_map(|invoice| invoice.remark.clone()).collect();
    assert!(remarks.iter().any(|remark| remark.contains(VAT_NUMBER)), "there it belongs: {remarks:?}");
    assert_followed(&world.log.lines());
}

/// One filter, connection and order, finds what every function did about an order.
fn assert_followed(lines: &[Value]) {
    let of_order = |line: &&Value| line["connection.id"] == "shop" && line["order.identifier"] == "PF-1";
    let followed: Vec<&Value> = lines.iter().filter(of_order).collect();
    for (service, message) in [
        ("poll-orders", "order seen"),
        ("poll-orders", "order queued"),
        ("process-order", "effect done"),
        ("process-order", "document finished"),
        ("process-order", "looked at"),
        ("web", "asked to look again"),
        ("web", "answered"),
    ] {
        let is_there = |line: &&Value| line["service"] == service && line["message"] == message;
        assert!(followed.iter().any(is_there), "{service}: {message}: {followed:#?}");
    }
    for line in lines {
        assert!(
            line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
        assert!(line.get("order.id").is_none(), "{line}");
        if line.get("order.identifier").is_some() {
            assert!(line["connection.id"].is_string() && line["aws.request_id"].is_string(), "{line}");
        }
    }
}

#[test]
fn an_idle_poll_writes_one_line() {
    on_one_thread(live_through_quiet_day);
}

async fn live_through_quiet_day() {
    let mut world = Watched::open().await;
    world.connect_shop().await;
    world.stack.run_until_quiet().await.unwrap();
    world.place_order(order_of_one_line("PF-1"));
    world.poll_times(3).await;
    let before = world.log.lines().len();
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let lines = world.log.lines().split_off(before);
    let at_info: Vec<&Value> = lines.iter().filter(|line| line["level"] != "DEBUG").collect();
    assert!(matches!(at_info.as_slice(), [line] if line["message"] == "round done"), "{at_info:#?}");
}

/// A panic of which the text names somebody; the program's own text is kept.
async fn panic_in_handlers(world: &Watched) {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        telemetry::log_panic(panic);
        previous(panic);
    }));
    let invocations = &world.stack.web_deps().invocations;
    let names: Result<(), _> = invocations
        .run_invocation(&Context::default(), async {
            let name = String::from("Canarylast");
            panic!("no such buyer: {name}")
        })
        .await;
    assert_eq!(names.unwrap_err().to_string(), "the invocation panicked");
    let plain: Result<(), _> =
        invocations.run_invocation(&Context::default(), async { panic!("a text of the program") }).await;
    drop(plain.unwrap_err());
    let lines = world.log.lines();
    let of_panics: Vec<&Value> = lines.iter().filter(|line| line["message"] == "a panic").collect();
    assert_eq!(of_panics.len(), 2);
    assert!(of_panics.iter().all(|line| line["panic.line"].is_number() && line["level"] == "ERROR"));
    assert_eq!(of_panics[1]["panic.text"], "a text of the program");
}

/// Every page and form that a merchant finds; gives what opened them.
async fn visit_pages(world: &mut Watched) -> Vec<String> {
    let (_, made) =
        world.stack.call_api("POST", "/api/connections/shop/sign-in-link", &Value::Null).await.unwrap();
    let url: url::Url = made["url"].as_str().unwrap().parse().unwrap();
    let link = url.path().rsplit('/').next().unwrap().to_owned();
    let mut shown = Vec::new();
    let session;
    {
        let mut browser = Browser::new(&world.stack);
        let page = browser.get(url.path()).await;
        let page = browser.submit_form(&page.form_to(url.path())).await;
        assert_eq!(page.status, 200);
        session = browser.cookie("__Host-session").unwrap().to_owned();
        let mut waiting =
            vec!["/c/shop".to_owned(), "/c/shop/settings".to_owned(), "/c/shop/set-up".to_owned()];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(path) = waiting.pop() {
            if !path.starts_with("/c/shop") || seen.len() > 150 || !seen.insert(path.clone()) {
                continue;
            }
            let page = browser.get(&path).await;
            waiting.extend(page.link_paths());
            shown.push((format!("GET {path}: {}", page.status), page.html.clone()));
        }
        assert!(seen.len() > 15, "{seen:?}");
        // Credentials typed into the form, and refused.
        let page = browser.get("/c/shop/set-up/connect").await;
        if let Some(form) = page.all_forms().into_iter().find(|form| form.fields.len() > 3) {
            let [key, secret, token] = TYPED;
            let mut form = form;
            for (field, value) in [("robaws_key", key), ("robaws_secret", secret), ("access_token", token)] {
                form = form.set(field, value);
            }
            let page = browser.submit_form(&form).await;
            shown.push((format!("POST {}: {}", form.action, page.status), page.html.clone()));
        }
    }
    world.shown.extend(shown);
    vec![link, session]
}
