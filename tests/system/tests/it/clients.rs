//! The clients' searches, against simulated peers that help less than they could.

use domain::catalogue::ArticleAnswer;
use domain::ids::{ArticleId, OrderIdentifier, ProductFlowCompanyId, Sku};
use domain::invoice::DocumentKind;
use robaws::articles::ArticleList;
use serde_json::{Value, json};
use simulators::Fault;
use simulators::demo;
use simulators::robaws::Article;
use simulators::traffic::{Answer, Effect, Outage};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use world::{World, order_of_one_line};

fn robaws_of(world: &World) -> robaws::Client {
    robaws_at(format!("{}/api/v2", world.stack.robaws_server.url()).parse().unwrap())
}

fn robaws_at(url: url::Url) -> robaws::Client {
    let http = runtime::http::peer_client(&[&url]).unwrap();
    let credentials =
        robaws::Credentials { key: demo::ROBAWS_KEY.into(), secret: demo::ROBAWS_SECRET.into() };
    robaws::Client::new(http, url, credentials, Arc::default())
}

/// A search whose filter Robaws ignores goes on until it finds our document, on whatever page it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_found_behind_a_page_of_others() {
    let world = World::new().await;
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
        settings.ignored_filters.insert("clientReference".to_owned());
    });
    let orders: Vec<String> = (0..103).map(|no| format!("PF-{no}")).collect();
    for order in &orders {
        world.place_order(order_of_one_line(order).with_status("shipped"));
    }
    world.poll_for_minutes(10).await;
    assert_eq!(world.robaws.invoices().len(), orders.len());
    let client = robaws_of(&world);
    for order in [&orders[0], &orders[102]] {
        let reference = world.read_order(order).await.display_reference();
        let found = client.find_invoices_by_reference(&reference, DocumentKind::Invoice).await.unwrap();
        let references = |found: &[robaws::Invoice]| -> Vec<Option<String>> {
            found.iter().map(|invoice| invoice.client_reference.clone()).collect()
        };
        assert_eq!(references(&found), [Some(reference.clone())]);
        // There is no credit note of it, which only the whole list tells.
        let found = client.find_invoices_by_reference(&reference, DocumentKind::CreditNote).await.unwrap();
        assert_eq!(references(&found), [Some(reference)]);
        assert!(found[0].is_of_kind(DocumentKind::Invoice));
    }
}

fn article_with_name(id: &str, number: &str, name: &str) -> Article {
    Article { name: Some(name.to_owned()), ..Article::new(id, number) }
}

/// Articles are found by number and by name, each once, the one with exactly this number first, also without the filters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_are_found_as_people_search() {
    let world = World::new().await;
    for ignored in [false, true] {
        if ignored {
            world.robaws.change_settings(|settings| {
                settings.ignored_filters.extend(["articleNumber".to_owned(), "name".to_owned()]);
            });
        }
        world.robaws.put_article(article_with_name("71", "LAMP-2", "Cover"));
        world.robaws.put_article(article_with_name("72", "lamp", "Lamp"));
        world.robaws.put_article(article_with_name("73", "X-9", "Green LAMP"));
        world.robaws.put_article(article_with_name("74", "LAMP", "Bulb"));
        let search = async |wanted: &str, most| {
            let (found, is_cut) = robaws_of(&world).find_articles(wanted, most).await.unwrap();
            let ids: Vec<String> = found.iter().map(|article| article.id.to_string()).collect();
            (ids, is_cut)
        };
        let (mut ids, is_cut) = search("LAMP", 4).await;
        assert_eq!(ids.remove(0), "74", "exactly so");
        ids.sort();
        assert_eq!((ids, is_cut), (vec!["71".to_owned(), "72".into(), "73".into()], false));
        let (ids, is_cut) = search("LAMP", 3).await;
        assert_eq!((ids.len(), is_cut), (3, true));
        assert_eq!(search("LAMP-3", 4).await, (vec![], false));
    }
}

fn productflow_of(world: &World) -> productflow::Client {
    let url: url::Url = format!("{}/api/v1", world.stack.productflow_server.url()).parse().unwrap();
    let http = runtime::http::peer_client(&[&url]).unwrap();
    productflow::Client::new(http, url, demo::TOKEN.into(), ProductFlowCompanyId(demo::COMPANY))
}

/// So many answers of "too many requests" that ask to wait so many seconds.
fn throttle_calls(path: &str, times: u32, seconds: u32) -> Fault {
    let answer = Answer::with_json(429, json!({ "message": "too many" }));
    let answer = answer.with_header("retry-after", &seconds.to_string());
    Fault::for_call("GET", path).with_effect(Effect::Answer(answer)).for_calls(times)
}

/// A short wait is waited out, twice at most; a long one is the caller's to decide about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_waits_for_a_limit_are_waited_out() {
    let world = World::new().await;
    let order = OrderIdentifier::parse("PF-1").unwrap();
    world.place_order(order_of_one_line("PF-1"));
    for (times, seconds, asked, answered) in
        [(1, 0, 2, true), (2, 0, 3, true), (3, 0, 3, false), (1, 60, 1, false)]
    {
        let what = format!("{times} times, {seconds} s");
        world.stack.productflow.clear_faults();
        world.stack.productflow.clear_calls();
        world.stack.productflow.add_fault(throttle_calls("/order/PF-1", times, seconds));
        let answer = productflow_of(&world).read_order(&order).await;
        let waits = matches!(answer, Err(productflow::Error::RateLimited { .. }));
        assert_eq!((answer.is_ok(), waits), (answered, !answered), "ProductFlow, {what}");
        assert_eq!(world.stack.productflow.calls().len(), asked, "ProductFlow, {what}");

        world.stack.robaws.clear_faults();
        world.stack.robaws.clear_calls();
        world.stack.robaws.add_fault(throttle_calls("/vat-tariffs", times, seconds));
        let answer = robaws_of(&world).read_vat_tariffs().await;
        let waits = matches!(answer, Err(robaws::Error::RateLimited { daily: false, .. }));
        assert_eq!((answer.is_ok(), waits), (answered, !answered), "Robaws, {what}");
        assert_eq!(world.stack.robaws.calls().len(), asked, "Robaws, {what}");
    }
}

/// A read that fails is made once more at once, whether or not an answer came; a refusal is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_fails_is_made_once_more() {
    let world = World::new().await;
    let order = OrderIdentifier::parse("PF-1").unwrap();
    world.place_order(order_of_one_line("PF-1"));
    let status = |status: u16| Effect::Answer(Answer::with_html(status));
    for (effect, times, asked, answered) in [
        (status(503), 1, 2, true),
        (status(503), 2, 2, false),
        (status(408), 1, 2, true),
        (Effect::Drop, 1, 2, true),
        (status(403), 1, 1, false),
    ] {
        let what = format!("{effect:?}, {times} times");
        let fault = |path: &str| Fault::for_call("GET", path).with_effect(effect.clone()).for_calls(times);
        world.stack.productflow.clear_faults();
        world.stack.productflow.clear_calls();
        world.stack.productflow.add_fault(fault("/order/PF-1"));
        let answer = productflow_of(&world).read_order(&order).await;
        assert_eq!(answer.is_ok(), answered, "ProductFlow, {what}: {answer:?}");
        assert_eq!(world.stack.productflow.calls().len(), asked, "ProductFlow, {what}");

        world.stack.robaws.clear_faults();
        world.stack.robaws.clear_calls();
        world.stack.robaws.add_fault(fault("/vat-tariffs"));
        let answer = robaws_of(&world).read_vat_tariffs().await;
        assert_eq!(answer.is_ok(), answered, "Robaws, {what}: {answer:?}");
        assert_eq!(world.stack.robaws.calls().len(), asked, "Robaws, {what}");
    }
}

/// A peer that answers everything with this status, and closes the connection before the end of the body.
fn breaks_off(status: u16) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while !lines.next().unwrap().unwrap().is_empty() {}
            let head = format!("HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\n");
            let answer = format!("{head}content-length: 100\r\n\r\n{{\"message\":");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://127.0.0.1:{port}/api/v2").parse().unwrap()
}

/// A refusal is one whatever became of its body; of anything else that breaks off the end is not known.
#[tokio::test]
async fn a_refusal_is_one_also_when_it_breaks_off() {
    let id = ArticleId::parse("12").unwrap();
    for (status, expected) in [
        (200, "no answer from Robaws"),
        (302, "no answer from Robaws"),
        (400, "Robaws refuses the request (400, correlation none)"),
        (401, "Robaws refuses the API key (401)"),
        (404, "none"),
        (409, "the same request is still running at Robaws (409)"),
        (503, "no answer from Robaws"),
    ] {
        let found = robaws_at(breaks_off(status)).read_article(&id).await;
        let told = match found {
            Ok(found) => found.map_or("none", |_| "found").to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told, expected, "{status}");
    }
}

/// A tenant without a limit that is felt, which ignores the filters named.
async fn shop_that_ignores(filters: &[&str]) -> World {
    let world = World::new().await;
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
        let filters = filters.iter().map(|filter| (*filter).to_owned());
        settings.ignored_filters.extend(filters);
    });
    world.stack.robaws.clear_calls();
    world
}

/// Calls of a list since they were last counted.
fn pages_read(world: &World, path: &str) -> usize {
    let read = world.stack.robaws.count_calls("GET", path);
    world.stack.robaws.clear_calls();
    read
}

/// Articles with these ids, whose numbers are the ids behind this text: none is called by it alone.
fn add_articles(world: &World, text: &str, ids: std::ops::RangeInclusive<u32>) {
    for id in ids {
        world.robaws.put_article(Article::new(&id.to_string(), &format!("{text}-{id}")));
    }
}

/// The article with exactly a number is found on whatever page, and two of them are enough to know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_is_found_by_exactly_its_number_on_whatever_page() {
    let world = shop_that_ignores(&["articleNumber"]).await;
    let robaws = robaws_of(&world);
    let by_number = async |number: &str| {
        let number = Sku::parse(number).unwrap();
        match robaws.find_article_by_number(&number).await.unwrap() {
            ArticleAnswer::Found(article) => article.id.to_string(),
            ArticleAnswer::NotFound => "none".to_owned(),
            ArticleAnswer::NotUnique => "several".to_owned(),
        }
    };
    add_articles(&world, "LAMP", 101..=250);
    world.robaws.put_article(Article::new("301", "lamp"));
    assert_eq!(by_number("LAMP").await, "none");
    assert_eq!(pages_read(&world, "/articles"), 2);
    world.robaws.put_article(Article::new("302", "LAMP"));
    assert_eq!(by_number("LAMP").await, "302");
    world.robaws.put_article(Article::new("303", "LAMP"));
    assert_eq!(by_number("LAMP").await, "several");
    world.robaws.archive_article("302");
    assert_eq!(by_number("LAMP").await, "303");
    world.robaws.archive_article("303");
    assert_eq!(by_number("LAMP").await, "none");

    world.robaws.put_article(Article::new("21", "LAMP"));
    world.robaws.put_article(Article::new("22", "LAMP"));
    pages_read(&world, "/articles");
    assert_eq!(by_number("LAMP").await, "several");
    assert_eq!(pages_read(&world, "/articles"), 1, "two are enough to know");
}

/// An article comes with the live ones that share its number, from whatever page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_comes_with_the_live_ones_of_its_number() {
    let world = shop_that_ignores(&[]).await;
    let namesakes = async |id: &str| {
        let id = ArticleId::parse(id).unwrap();
        let found = robaws_of(&world).read_namesakes("LAMP", &id).await.unwrap();
        let live: Vec<String> = found.live.iter().map(|article| article.id.to_string()).collect();
        (found.article.map(|article| article.id.to_string()), live.join(" "), found.is_crowded)
    };
    let found = |id: Option<&str>, live: &str, crowded| (id.map(str::to_owned), live.to_owned(), crowded);

    world.robaws.put_article(Article::new("31", "LAMP").with_tick(true));
    world.robaws.put_article(Article::new("32", "lamp"));
    world.robaws.put_article(Article::new("33", "LAMP"));
    world.robaws.archive_article("33");
    assert_eq!(namesakes("31").await, found(Some("31"), "31", false));
    assert_eq!(namesakes("33").await, found(Some("33"), "31", false), "archived");
    assert_eq!(namesakes("32").await, found(Some("32"), "31", false), "of another number");
    assert_eq!(namesakes("34").await, found(None, "31", false), "not there");

    add_articles(&world, "LAMP", 101..=197);
    assert_eq!(pages_read(&world, "/articles"), 4);
    assert_eq!(namesakes("31").await, found(Some("31"), "31", false));
    assert_eq!(pages_read(&world, "/articles"), 1, "100 fit");
    world.robaws.put_article(Article::new("901", "LAMP"));
    assert_eq!(namesakes("31").await, found(Some("31"), "31 901", true));
    assert_eq!(namesakes("901").await, found(Some("901"), "31 901", true));
    assert_eq!(pages_read(&world, "/articles"), 4);

    world.robaws.restore_article("33");
    assert_eq!(namesakes("31").await, found(Some("31"), "31 33", false));
    assert_eq!(pages_read(&world, "/articles"), 1, "it and two of the number are known");
    assert_eq!(namesakes("901").await, found(Some("901"), "31 33 901", true));
    assert_eq!(pages_read(&world, "/articles"), 2, "it is not known yet");
}

/// A search says that there are more when either of its lists goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_for_articles_tells_that_a_list_goes_on() {
    let world = shop_that_ignores(&[]).await;
    let search = async |wanted: &str| {
        let (found, is_cut) = robaws_of(&world).find_articles(wanted, 200).await.unwrap();
        (found.len(), is_cut)
    };
    add_articles(&world, "LAMP", 101..=200);
    world.robaws.put_article(article_with_name("31", "X-1", "Mirror"));
    assert_eq!(search("LAMP-").await, (100, false));
    for id in 202..=301 {
        world.robaws.put_article(article_with_name(&id.to_string(), &format!("M-{id}"), "A mirror"));
    }
    assert_eq!(search("mirror").await, (100, true), "names alone");
    world.robaws.put_article(article_with_name("201", "LAMP-201", "x"));
    for id in 101..=200 {
        let id = id.to_string();
        world.robaws.edit_article(&id, |article| article.name = None);
    }
    assert_eq!(search("LAMP-").await, (100, true), "numbers alone");
}

/// All pages of articles are read and no more, all of them from the copy, the ticked ones as they are now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_articles_end_with_the_last() {
    let world = shop_that_ignores(&[]).await;
    let robaws = robaws_of(&world);
    let page = async |page, which| {
        let page = robaws.read_article_list_page(page, which).await.unwrap();
        (page.articles.len(), page.total, page.is_last)
    };
    add_articles(&world, "LAMP", 101..=300);
    let all = ArticleList::AllOfReplica;
    let total = 204;
    assert_eq!(page(0, all).await, (100, total, false));
    assert_eq!(page(1, all).await, (100, total, false));
    assert_eq!(page(2, all).await, (4, total, true));
    assert_eq!(page(3, all).await, (0, total, true));
    assert!(world.stack.robaws.calls().iter().all(|call| call.replica));
    let limits = robaws.limits();
    assert!(limits.remaining.is_some());
    assert_eq!(limits.daily_remaining, None, "the copy has a day of its own");

    world.stack.robaws.clear_calls();
    assert_eq!(page(0, ArticleList::Ticked).await, (3, 3, true));
    assert!(world.stack.robaws.calls().iter().all(|call| !call.replica));
    assert!(robaws.limits().daily_remaining.is_some());
}

/// Answers to the calls of a list, one after the other: pages of these rows, of so many pages in all.
fn answer_with_pages(world: &World, path: &str, total_pages: u32, rows: &[Value]) {
    world.stack.robaws.clear_faults();
    world.stack.robaws.clear_calls();
    for (nth, rows) in (1_u32..).zip(rows) {
        let page = json!({ "items": rows, "totalPages": total_pages });
        let answer = Effect::Answer(Answer::with_json(200, page));
        world.stack.robaws.add_fault(Fault::for_call("GET", path).at_nth_call(nth).with_effect(answer));
    }
}

/// Pages of documents end with the last, or with an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_documents_end_with_the_last() {
    let world = shop_that_ignores(&[]).await;
    let robaws = robaws_of(&world);
    let since = "2026-11-23T08:00:00Z".parse().unwrap();
    let rows = [json!([{"id": "1"}]), json!([{"id": "2"}]), json!([{"id": "3"}]), json!([])];
    for (number, is_last) in [(0_u32, false), (1, false), (2, true), (3, true)] {
        let at = usize::try_from(number).unwrap();
        answer_with_pages(&world, "/stock-changes", 3, &rows[at..]);
        let page = robaws.read_stock_change_list_page(number, since).await.unwrap();
        assert_eq!(page.is_last, is_last, "stock changes, page {number}");
        assert_eq!(page.documents.len(), usize::from(number < 3));
        answer_with_pages(&world, "/sales-invoices", 3, &rows[at..]);
        let page = robaws.read_live_invoice_list_page(number, since).await.unwrap();
        assert_eq!(page.is_last, is_last, "invoices, page {number}");
    }
    answer_with_pages(&world, "/stock-changes", 9, &[json!([])]);
    assert!(robaws.read_live_stock_change_list_page(0, since).await.unwrap().is_last, "empty");
    assert!(!world.stack.robaws.calls()[0].replica);
}

/// A search for a document goes on past those of others and past ours of another kind, and ends with ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_for_a_document_ends_with_ours_of_its_kind() {
    let world = shop_that_ignores(&[]).await;
    let robaws = robaws_of(&world);
    let row = |id: u32, reference: &str, kind: &str| json!([{ "id": id.to_string(), "clientReference": reference, "type": kind }]);
    let rows = [
        row(1, "PF-2", "INVOICE"),
        row(2, "PF-1", "CREDIT_NOTE"),
        row(3, "PF-1", "INVOICE"),
        row(4, "PF-1", "INVOICE"),
    ];
    for (kind, found, read) in
        [(DocumentKind::Invoice, vec!["2", "3"], 3), (DocumentKind::CreditNote, vec!["2"], 2)]
    {
        answer_with_pages(&world, "/sales-invoices", 4, &rows);
        let invoices = robaws.find_invoices_by_reference("PF-1", kind).await.unwrap();
        let ids: Vec<&str> = invoices.iter().map(|invoice| invoice.id.as_str()).collect();
        assert_eq!((ids, pages_read(&world, "/sales-invoices")), (found, read), "{kind:?}");
    }
}

/// A client is found by its number and by a part of its name, on whatever page, each once, the one with the number first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_found_as_people_search() {
    let world = shop_that_ignores(&["name"]).await;
    let robaws = robaws_of(&world);
    let search = async |text: &str, most| {
        let found = robaws.find_clients(text, most).await.unwrap();
        let ids: Vec<String> = found.clients.into_iter().map(|client| client.id).collect();
        (ids.join(" "), found.may_have_more)
    };
    let found = |ids: &str, more| (ids.to_owned(), more);
    world.robaws.put_client("21", "Garage 6").put_client("22", "Bakery 22");
    assert_eq!(search("6", 5).await, found("6 21", false), "a number, and a name");
    assert_eq!(search("22", 5).await, found("22", false), "once");
    assert_eq!(search("6", 2).await, found("6 21", false));
    assert_eq!(search("6", 1).await, found("6", true));
    assert_eq!(search("99", 5).await, found("", false));
    world.stack.robaws.clear_calls();
    assert_eq!(search("BAKE", 5).await, found("22", false));
    assert_eq!(world.stack.robaws.calls().len(), 1, "a name is no number");
    assert_eq!(search("6a", 5).await, found("", false));
    assert_eq!(search("", 9).await, found("5 6 21 22", false), "any");

    for id in 101..=197 {
        world.robaws.put_client(&id.to_string(), "Somebody");
    }
    for id in ["31", "32", "901"] {
        world.robaws.put_client(id, "Peeters");
    }
    pages_read(&world, "/clients");
    for (most, expected, read) in [
        (4, found("31 32 901", false), 2),
        (3, found("31 32 901", false), 2),
        (2, found("31 32", true), 2),
        (1, found("31", true), 1),
    ] {
        assert_eq!(search("peeters", most).await, expected, "{most} at most");
        assert_eq!(pages_read(&world, "/clients"), read, "{most} at most");
    }
}

/// A list that takes several pages is read whole, each row once, also when rows shift between its pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_read_whole() {
    let world = shop_that_ignores(&[]).await;
    world.robaws.change_settings(|settings| settings.page_drift = true);
    for id in 101..=300 {
        world.robaws.put_user(&id.to_string(), "Somebody");
    }
    let users = robaws_of(&world).read_users().await.unwrap();
    assert_eq!(users.len(), world.robaws.users().len());
    assert_eq!(users.last().map(|user| user.id.as_str()), Some("300"));
    assert_eq!(pages_read(&world, "/users"), 3);
}

/// What the API user's role does not grant is refused, and the rest is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_that_is_not_granted_cannot_be_read() {
    let world = World::new().await;
    let robaws = robaws_of(&world);
    world
        .stack
        .robaws
        .add_fault(Fault::for_call("GET", "/sales-invoices").answer_status(403).until_cleared());
    let refused = robaws.test_module_access("sales-invoices").await.unwrap_err();
    assert_eq!(refused.forbidden_module(), "sales-invoices");
    robaws.test_module_access("stock-changes").await.unwrap();
    robaws.make_cheapest_read().await.unwrap();
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    assert!(matches!(robaws.make_cheapest_read().await, Err(robaws::Error::Unavailable { status: 503 })));
}
