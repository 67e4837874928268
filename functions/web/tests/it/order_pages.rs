//! The merchant's order pages: the list, one order, and each control, down to what Robaws and the ledger hold.

use domain::ids::OrderIdentifier;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::robaws::Article;
use simulators::{OrderBuilder, Outage};
use world::browser::{Browser, Form, LARGEST_PAGE, Page};
use world::{World, build_world_with_order_in_doubt, build_world_with_order_in_doubt_at, order_of_one_line};

const ORDERS: &str = "/c/shop/orders";

async fn work_off_orders(world: &World) {
    while world.stack.work_orders().await.unwrap() > 0 {}
}

/// The form of the control whose hidden field `name` is `value`.
fn find_form(page: &Page, action: &str, name: &str, value: &str) -> Form {
    let found = page
        .all_forms()
        .into_iter()
        .find(|form| form.action.ends_with(action) && form.value(name) == Some(value));
    found.unwrap_or_else(|| panic!("no such form to {action} on {}: {}", page.path, page.visible_text()))
}

fn form_actions(page: &Page) -> Vec<String> {
    page.all_forms().into_iter().map(|form| form.action).collect()
}

/// The first column of the list.
fn listed_orders(page: &Page) -> Vec<String> {
    page.texts_of("tbody th a")
}

/// As the page's HTML writes it.
fn escape_html(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

async fn blocked_shop(order: OrderBuilder) -> World {
    let world = World::new().await;
    world.place_order(order);
    world.poll_and_work().await;
    world
}

/// Order, and what the manual says of it in English, German, French and Dutch (contract texts.md).
fn sentences_of_manual() -> [(OrderBuilder, [&'static str; 4]); 6] {
    let order = |identifier: &str, sku: &str, code: Option<&str>| {
        OrderBuilder::new(identifier).with_line(sku, 2, 1000, code)
    };
    [
        (
            order("PF-1", "GONE", Some("7")),
            [
                "The following article(s) could not be found in Robaws: GONE",
                "Der/die folgende(n) Artikel konnte(n) nicht in Robaws gefunden werden: GONE",
                "Le ou les articles suivants n'ont pas pu être trouvés dans Robaws\u{a0}: GONE",
                "Volgende artikel(s) konden niet worden gevonden in Robaws: GONE",
            ],
        ),
        (
            order("PF-2", "A-1", None),
            [
                "The following order lines from ProductFlow do not contain a VAT code: A-1 Title of A-1 (2×)",
                "Der/die nächste(n) Artikel enthält/enthalten keinen Mehrwertsteuercode: A-1 Title of A-1 (2×)",
                "Le ou les articles suivants ne contiennent pas de code TVA\u{a0}: A-1 Title of A-1 (2×)",
                "Volgende artikel(s) bevatten geen BTW code: A-1 Title of A-1 (2×)",
            ],
        ),
        (
            order("PF-3", "A-1", Some("8")),
            [
                "Following VAT rates were found but are not VAT inclusive: 21% excl. (8)",
                "Die folgenden Mehrwertsteuersätze wurden gefunden, sind aber nicht inklusive Mehrwertsteuer: 21% excl. (8)",
                "Les taux de TVA suivants ont été trouvés mais ne sont pas inclus dans la TVA\u{a0}: 21% excl. (8)",
                "Volgende BTW tarieven werden gevonden maar zijn niet BTW inclusief: 21% excl. (8)",
            ],
        ),
        (
            order("PF-4", "A-1", Some("99")),
            [
                "For the following order line A-1, there is no corresponding VAT rate in Robaws (CODE: 99)",
                "Für das folgende Produkt A-1 gibt es keinen entsprechenden Mehrwertsteuersatz in Robaws (CODE: 99):",
                "Pour le produit suivant A-1, il n'y a pas de taux de TVA correspondant trouvé dans Robaws (CODE\u{a0}: 99)\u{a0}:",
                "Voor het volgende artikel A-1 is er geen overeenkomend BTW tarief gevonden in Robaws (CODE: 99):",
            ],
        ),
        (
            order("PF-5", "TWICE", Some("7")),
            [
                "The following article(s) are not unique in Robaws: TWICE",
                "Die folgende(n) Artikelnummer(n) ist/sind in Robaws nicht eindeutig: TWICE",
                "Le(s) numéro(s) d'article suivant(s) n'est/ne sont pas unique(s) dans Robaws\u{a0}: TWICE",
                "Volgende artikel nummer(s) zijn niet uniek in Robaws : TWICE",
            ],
        ),
        (
            order("PF-6", "A/1", Some("7")),
            [
                "The following article number(s) contains invalid characters: A/1",
                "Die folgende(n) Artikelnummer(n) enthalten ungültige Zeichen: A/1",
                "Le(s) numéro(s) d'article suivant(s) contient(vent) des caractères non valides\u{a0}: A/1",
                "Volgende artikelnummer(s) bevat (bevatten) ongeldige tekens: A/1",
            ],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_of_the_manual_is_said_word_for_word_in_four_languages() {
    let world = World::new().await;
    for id in ["80", "81"] {
        world.robaws.put_article(Article::new(id, "TWICE").with_tariff("7"));
    }
    for (order, _) in sentences_of_manual() {
        world.place_order(order);
    }
    world.poll_and_work().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    for (at, language) in ["en", "de", "fr", "nl"].into_iter().enumerate() {
        let page = browser.get(ORDERS).await;
        let page = browser.submit_form(&page.form_to("/language").set("language", language)).await;
        assert_eq!(listed_orders(&page).len(), 6);
        for (n, (_, messages)) in sentences_of_manual().into_iter().enumerate() {
            let page = browser.get(&format!("{ORDERS}/PF-{}", n + 1)).await;
            let message = format!("<p>{}</p>", escape_html(messages[at]));
            assert!(page.html.contains(&message), "{language}: {message}\n{}", page.html);
            assert_eq!(page.texts_of("section.card h3").len(), 1);
            assert!(form_actions(&page).iter().any(|action| action.ends_with("/retry")));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vat_tariff_is_chosen_and_the_invoice_made() {
    let order = OrderBuilder::new("PF-1").with_line("A-1", 2, 5998, None).with_line("A-2", 1, 595, None);
    let world = blocked_shop(order.with_line("B-1", 1, 349, Some("99")).with_status("shipped")).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let path = format!("{ORDERS}/PF-1");
    let page = browser.get(&path).await;
    let offered = page.texts_of("#tariff-vat_code_missing option");
    assert_eq!(
        offered,
        ["Choose …", "21% incl. – 21% (code 7)", "6% incl. – 6% (code 10)", "25.5% incl. – 25.5% (code 11)"],
        "VAT-inclusive ones only"
    );
    let missing = find_form(&page, "/choose", "card", "vat_code_missing");
    let page = browser.submit_form(&missing).await;
    assert_eq!(page.status, 422);
    assert!(page.texts_of("[role=alert]")[0].ends_with("Choose a VAT tariff."));
    let page =
        browser.submit_form(&missing.clone().set("tariff", "10").without("line:1").without("line:2")).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.texts_of("#fault-vat_code_missing"), ["Choose at least one line."]);
    let kept = find_form(&page, "/choose", "card", "vat_code_missing");
    assert_eq!((kept.value("tariff"), kept.value("line:1")), (Some("10"), None));
    let page = browser.submit_form(&missing.clone().set("tariff", "8")).await;
    assert_eq!(page.status, 422);
    assert!(page.visible_text().contains("VAT tariff 8 does not exist in Robaws or is not VAT inclusive."));
    assert!(world.read_order("PF-1").await.ledger.choices.is_empty());
    let page = browser.submit_form(&missing.set("tariff", "10").without("line:2")).await;
    assert_eq!((page.status, page.path.as_str()), (200, "/c/shop/orders/PF-1?done=order_chosen"));
    work_off_orders(&world).await;
    let page = browser.get(&path).await;
    let other = find_form(&page, "/choose", "card", "vat_code_missing");
    assert_eq!((other.value("line:1"), other.value("line:2")), (None, Some("on")));
    browser.submit_form(&other.set("tariff", "7")).await;
    let unknown = find_form(&page, "/choose", "card", "vat_tariff_not_found");
    let page = browser.submit_form(&unknown.set("tariff", "7")).await;
    assert!(page.visible_text().contains("Your choice is kept; the order is being looked at again."));
    work_off_orders(&world).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    let invoice = &world.robaws.invoices()[0];
    assert_eq!(invoice.total_incl_vat, Decimal::new(6942, 2));
    let tariffs: Vec<_> = invoice.line_items.iter().map(|line| line.vat_tariff_id.as_deref()).collect();
    assert_eq!(tariffs, [Some("10"), Some("7"), Some("7")]);
    let page = browser.get(&path).await;
    assert!(page.visible_text().contains("For line 1 you chose VAT tariff 10."), "{}", page.visible_text());
    assert!(page.link_paths().iter().any(|link| link.ends_with("/vat-tariffs/10")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_is_searched_and_chosen_and_a_line_goes_without_one() {
    let order = OrderBuilder::new("PF-1")
        .with_line("GONE", 1, 595, Some("7"))
        .with_line_value(json!({"title": "Gift", "quantity": 1, "price": 500, "vat_code": "7"}));
    let world = blocked_shop(order.with_status("shipped")).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let path = format!("{ORDERS}/PF-1");
    let page = browser.get(&format!("{path}?line=1&find=nothing+such")).await;
    assert!(page.visible_text().contains("Robaws has no such article."));
    let page = browser.get(&format!("{path}?line=1&find=SCHROEVEN")).await;
    let found = page.texts_of("fieldset label.box");
    assert_eq!(found, ["A-2 Schroevendraaier Open in Robaws"], "searched by name, whatever the case");
    let choose = find_form(&page, "/choose", "find", "SCHROEVEN");
    let page = browser.submit_form(&choose).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.texts_of("#line-fault-0"), ["Choose an article."]);
    assert_eq!(page.texts_of("fieldset label.box"), found, "what was found is still there");
    let archived = choose.clone().set("article", "99");
    let page = browser.submit_form(&archived).await;
    assert_eq!(page.status, 422);
    assert!(page.visible_text().contains("Article 99 does not exist in Robaws or is archived."));
    let page = browser.get(&format!("{path}?line=1&find=a-2")).await;
    let choose = find_form(&page, "/choose", "find", "a-2");
    let page = browser.submit_form(&choose.set("article", "13")).await;
    assert_eq!(page.status, 200);
    let without = find_form(&page, "/choose", "article_of", "2");
    assert_eq!(without.value("without_article"), Some("yes"));
    browser.submit_form(&without).await;
    work_off_orders(&world).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(world.pieces_in_stock("13"), Decimal::from(139));
    let articles: Vec<_> =
        world.robaws.invoices()[0].line_items.iter().map(|line| line.article_id.clone()).collect();
    assert_eq!(articles, [Some("13".to_owned()), None]);
    let page = browser.get(&path).await;
    assert!(page.visible_text().contains("Line 2 is invoiced without an article, as you chose."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_tried_again_and_closed_by_hand() {
    let world = World::new().await;
    for n in 1..=2 {
        world.place_order(order_of_one_line(&format!("PF-{n}")).with_line("NEW-1", 1, 100, Some("7")));
    }
    world.poll_for_minutes(60).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(&format!("{ORDERS}/PF-2")).await;
    let handled = find_form(&page, "/settle", "as", "handled");
    let page = browser.submit_form(&handled).await;
    assert!(page.visible_text().contains("This order is closed as handled."), "{}", page.visible_text());
    assert_eq!(page.texts_of(".state")[0], "Handled");
    assert!(page.visible_text().contains("Closed as handled by a user"));
    assert!(form_actions(&page).iter().all(|action| !action.contains("/orders/")), "nothing is left to do");
    let record = world.read_order("PF-2").await;
    assert_eq!(record.ledger.settlements[0].by, "merchant");
    assert!(record.is_final && record.problems.is_empty());
    let page = browser.submit_form(&handled).await;
    assert_eq!(page.status, 409);
    assert!(page.visible_text().contains("has nothing open"), "{}", page.visible_text());
    world.robaws.put_article(Article::new("90", "NEW-1").with_tariff("7"));
    let page = browser.get(&format!("{ORDERS}/PF-1")).await;
    let page = browser.submit_form(&page.form_to("/PF-1/retry")).await;
    assert!(page.visible_text().contains("This order is being looked at again."));
    work_off_orders(&world).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.order_state("PF-2").await, "skipped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_doubt_is_found_in_robaws_or_made_again() {
    for booked in [true, false] {
        let world = build_world_with_order_in_doubt(booked).await;
        let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
        let page = browser.get(&format!("{ORDERS}/PF-1")).await;
        assert_eq!(page.texts_of(".state")[0], "To be checked in Robaws");
        let done = find_form(&page, "/settle", "as", "done");
        if booked {
            let page = browser.submit_form(&done).await;
            assert_eq!(page.texts_of("#document-fault"), ["Enter the number of the document in Robaws."]);
            let page = browser.submit_form(&done.clone().set("robaws_id", "77777")).await;
            assert_eq!(page.status, 422);
            assert!(page.texts_of("#document-fault")[0].starts_with("Robaws has no document 77777"));
            let kept = find_form(&page, "/settle", "as", "done");
            assert_eq!(kept.value("robaws_id"), Some("77777"));
            let id = world.robaws.stock_changes()[0].id.clone();
            let address = format!("https://app.robaws.com/#/stockChange/{id}");
            let page = browser.submit_form(&done.set("robaws_id", &address)).await;
            assert_eq!(page.status, 200, "{}", page.visible_text());
        } else {
            browser.submit_form(&find_form(&page, "/settle", "as", "not_done")).await;
        }
        work_off_orders(&world).await;
        assert_eq!(world.order_state("PF-1").await, "booked");
        assert_eq!(world.robaws.stock_changes().len(), 1);
        let record = world.read_order("PF-1").await;
        assert_eq!(record.ledger.settlements[0].by, "merchant");
        let page = browser.get(&format!("{ORDERS}/PF-1")).await;
        let said = if booked { "Found in Robaws by a user: " } else { "Not found in Robaws by a user" };
        assert!(page.visible_text().contains(said), "{}", page.visible_text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_in_doubt_is_named_by_its_number() {
    let world = build_world_with_order_in_doubt_at(
        order_of_one_line("PF-1").with_status("shipped"),
        "/sales-invoices",
        true,
    )
    .await;
    let invoice = world.robaws.invoices()[0].clone();
    let number = invoice.logic_id.unwrap();
    assert_ne!(number, invoice.id);
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(&format!("{ORDERS}/PF-1")).await;
    let done = find_form(&page, "/settle", "as", "done").set("robaws_id", &number);
    assert_eq!(browser.submit_form(&done).await.status, 200);
    work_off_orders(&world).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(world.robaws.invoices().len(), 1);
    let page = browser.get(&format!("{ORDERS}/PF-1")).await;
    let link = format!("/sales-invoices/{}", invoice.id);
    assert!(page.link_paths().iter().any(|known| known.ends_with(&link)), "{:?}", page.link_paths());
    assert!(page.visible_text().contains(&format!("Invoice {number}")), "{}", page.visible_text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_listed_searched_and_filtered() {
    let world = World::new().await;
    for n in 1..=28 {
        world.place_order(order_of_one_line(&format!("PF-{n}")).with_external_number(&format!("10{n:02}")));
        world.clock.advance_by(SignedDuration::from_secs(1));
        world.stack.poll_and_drain().await.unwrap();
    }
    world.productflow.ship_order("PF-3");
    world.place_order(OrderBuilder::new("PF/29 ü").with_line("A-9", 1, 100, Some("7")).with_country("FR"));
    world.poll_for_minutes(10).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(ORDERS).await;
    let first = listed_orders(&page);
    assert_eq!(first.len(), 25);
    assert_eq!(first[..2], ["XPF/29 ü", "1028"]);
    let text = page.visible_text();
    for part in [
        "PF/29 ü",
        "bol.com",
        "Registered",
        "Blocked: action needed",
        "Article not found in Robaws",
        "€1.00",
        "France",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let older = page.link_paths().into_iter().find(|link| link.contains("cursor=")).unwrap();
    let page = browser.get(&older).await;
    assert_eq!(listed_orders(&page), ["1004", "1003", "1002", "1001"]);
    let invoice = world.robaws.invoices()[0].clone();
    let invoice_link = format!("/sales-invoices/{}", invoice.id);
    assert!(page.link_paths().iter().any(|link| link.ends_with(&invoice_link)));
    let number = invoice.logic_id.unwrap();
    assert!(page.visible_text().contains("Invoiced (draft)"));
    let stock_change = world.robaws.stock_changes_of("PF-7)")[0].id.clone();
    for (search, expected) in [
        ("1027", vec!["1027"]),
        ("PF-14", vec!["1014"]),
        (number.as_str(), vec!["1003"]),
        ("29 ü", vec!["XPF/29 ü"]),
        ("nowhere", vec![]),
    ] {
        let query = url::form_urlencoded::byte_serialize(search.as_bytes()).collect::<String>();
        let page = browser.get(&format!("{ORDERS}?q={query}&state=")).await;
        assert_eq!(listed_orders(&page), expected, "{search}");
    }
    let page = browser.get(&format!("{ORDERS}?q={stock_change}")).await;
    assert!(listed_orders(&page).contains(&"1007".to_owned()));
    let page = browser.get(&format!("{ORDERS}?state=invoiced")).await;
    assert_eq!(listed_orders(&page), ["1003"]);
    let page = browser.get(&format!("{ORDERS}?state=mine")).await;
    assert_eq!(listed_orders(&page), ["XPF/29 ü"]);
    // An identifier that no path can hold has a link that leads to it.
    let link = page.link_paths().into_iter().find(|link| link.contains('~')).unwrap();
    let page = browser.get(&link).await;
    assert_eq!((page.status, page.texts_of("h1")), (200, vec!["XPF/29 ü (PF/29 ü)".to_owned()]));
    assert_eq!(browser.get(&format!("{ORDERS}?cursor=x")).await.status, 400);
    assert_eq!(browser.get(&format!("{ORDERS}/PF-99")).await.status, 404);
    assert_eq!(browser.get(&format!("{ORDERS}/~!!")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_offers_what_fits_the_invoice() {
    for booked in [false, true] {
        let mut settings = world::default_settings();
        settings.book_invoices = booked;
        let world = World::with_settings(settings).await;
        world.place_order(order_of_one_line("PF-1").with_status("shipped"));
        world.poll_and_work().await;
        world.productflow.cancel_order("PF-1");
        world.poll_for_minutes(15).await;
        assert_eq!(world.order_state("PF-1").await, "conflict");
        let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
        let page = browser.get(&format!("{ORDERS}/PF-1")).await;
        let invoice = if booked { "Credit the invoice" } else { "Delete the draft invoice" };
        assert_eq!(
            page.texts_of("fieldset label"),
            [
                invoice,
                "Leave the invoice as it is",
                "Take the articles back in stock",
                "Leave the stock as it is"
            ]
        );
        let undo = find_form(&page, "/settle", "as", "undo");
        assert_eq!(
            (undo.value("invoice"), undo.value("stock")),
            (None, None),
            "nothing is chosen beforehand"
        );
        let page = browser.submit_form(&undo.set("stock", "keep")).await;
        assert_eq!(page.status, 422);
        assert_eq!(page.texts_of("#undo-fault"), ["Answer both questions."]);
        assert_eq!(find_form(&page, "/settle", "as", "undo").value("stock"), Some("keep"));
        assert_eq!(world.order_state("PF-1").await, "conflict");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_wrote_is_text_and_a_page_stays_small() {
    let evil = "<script>alert('x')</script>";
    let mut order = OrderBuilder::new("PF-1")
        .with_external_number(evil)
        .with_field("marketplace", json!({"id": 1, "name": evil}));
    for n in 0..300 {
        let sku = format!("{evil}{n}{}", "W".repeat(150));
        order = order.with_line(&sku, 1, 100, if n % 2 == 0 { None } else { Some("<i>") });
    }
    let world = blocked_shop(
        order.with_line_value(json!({"title": evil, "quantity": 1, "price": 1, "vat_code": "7"})),
    )
    .await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    for path in [format!("{ORDERS}/PF-1"), ORDERS.to_owned(), format!("{ORDERS}?q={evil}")] {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(page.html.len() <= LARGEST_PAGE);
        assert!(!page.html.contains("<script") && !page.html.contains("<i>"), "{path}");
        assert!(page.visible_text().contains(evil), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_opens_while_robaws_is_silent() {
    let world = blocked_shop(OrderBuilder::new("PF-1").with_line("A-1", 1, 100, None)).await;
    world.stack.robaws.set_outage(Some(Outage::Drop));
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(&format!("{ORDERS}/PF-1")).await;
    assert_eq!(page.status, 200);
    assert!(page.visible_text().contains("Robaws does not answer at the moment"), "{}", page.visible_text());
    assert!(form_actions(&page).iter().all(|action| !action.ends_with("/choose")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_sees_or_changes_an_order() {
    let world = blocked_shop(OrderBuilder::new("PF-1").with_line("GONE", 1, 100, Some("7"))).await;
    let before = world.read_order("PF-1").await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(&format!("{ORDERS}/PF-1")).await;
    let forms: Vec<Form> =
        page.all_forms().into_iter().filter(|form| form.action.contains("/orders/")).collect();
    assert!(forms.len() >= 3);
    for form in &forms {
        assert_eq!(browser.submit_form(&form.clone().without("token")).await.status, 403);
        assert_eq!(Browser::new(&world.stack).submit_form(form).await.status, 401);
    }
    let create = json!({"id": "other", "language": "nl"});
    let (status, answer) = world.stack.call_api("POST", "/api/connections", &create).await.unwrap();
    assert_eq!(status, 201, "{answer}");
    let mut other = Browser::new_signed_in(&world.stack, "other").await;
    for path in ["", "/PF-1", "/month?month=2026-11"] {
        let page = other.get(&format!("{ORDERS}{path}")).await;
        assert_eq!(page.status, 401, "{path}");
        assert!(!page.html.contains("PF-1 ") && !page.html.contains("GONE"));
    }
    for form in &forms {
        assert_eq!(other.submit_form(form).await.status, 401);
    }
    assert_eq!(listed_orders(&other.get("/c/other/orders").await), Vec::<String>::new());
    assert_eq!(other.get("/c/other/orders/PF-1").await.status, 404);
    assert_eq!(world.read_order("PF-1").await, before);
    let gone = OrderIdentifier::parse("PF-1").unwrap();
    let other = domain::ids::ConnectionId::parse("other").unwrap();
    assert!(world.stack.store.load_order(&other, &gone).await.unwrap().is_none());
}
