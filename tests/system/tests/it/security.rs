//! What strangers, and what peers that went bad, may try: each test stands behind a line of docs/SECURITY.md.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{DocumentId, OrderIdentifier, ProductFlowCompanyId};
use runtime::clock::Clock as _;
use runtime::error::Chain;
use scraper::Html;
use serde_json::{Value, json};
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, OrderBuilder};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use web::operator::OperatorToken;
use web::pages::session::{Session, SessionKeys};
use world::announcements::{announce_change, deliver_announcement, sign_delivery};
use world::browser::Browser;
use world::{World, order_of_one_line};

/// Text that would be markup, a formula, a header of its own, or would turn what follows around.
const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\r\nSet-Cookie: a=b\u{202e}\u{0}=1+1";

/// A peer that answers each request with the same bytes, and counts them.
struct BadPeer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    seen: Arc<Mutex<String>>,
}

impl BadPeer {
    fn with_answer(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let (count, text) = (asked.clone(), seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut request = [0; 8_192];
                let read = stream.read(&mut request).unwrap_or(0);
                count.fetch_add(1, Ordering::SeqCst);
                text.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..read]));
                // Whoever asked may hang up as soon as it has enough.
                stream.write_all(&answer).ok();
            }
        });
        Self { address, asked, seen }
    }

    fn json(encoding: &str, body: &[u8]) -> Self {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{encoding}content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(body);
        Self::with_answer(answer)
    }

    fn count_requests(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn url(&self) -> url::Url {
        format!("http://{}/api", self.address).parse().unwrap()
    }

    fn robaws(&self) -> robaws::Client {
        let url = self.url();
        let http = runtime::http::peer_client(&[&url]).unwrap();
        let credentials = robaws::Credentials { key: "the-key".into(), secret: "the-secret".into() };
        robaws::Client::new(http, url, credentials, Arc::default())
    }

    fn productflow(&self) -> productflow::Client {
        let url = self.url();
        let http = runtime::http::peer_client(&[&url]).unwrap();
        productflow::Client::new(http, url, "the-token".into(), ProductFlowCompanyId(42))
    }
}

/// What unpacks to `bytes` spaces in gzip, without its end: fixed Huffman codes, one space and copies of 258 of it.
fn make_gzip_bomb(bytes: usize) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut pending, mut count) = (0_u32, 0_u32);
    let mut bits = |code: &str| {
        for bit in code.bytes() {
            pending |= u32::from(bit == b'1') << count;
            count += 1;
            if count == 8 {
                packed.push(u8::try_from(pending).unwrap());
                (pending, count) = (0, 0);
            }
        }
    };
    // The last block, of fixed codes, and a space: 0x30 + 0x20.
    bits("11001010000");
    for _ in 0..bytes / 258 {
        bits("1100010100000");
    }
    packed
}

#[tokio::test]
async fn an_answer_that_would_fill_the_memory_is_not_read() {
    const TOO_MUCH: usize = 64 << 20;
    let packed = make_gzip_bomb(TOO_MUCH);
    assert!(packed.len() < TOO_MUCH / 100);
    let plain = vec![b' '; runtime::http::MOST_ANSWER_BYTES + 1];
    for peer in [BadPeer::json("content-encoding: gzip\r\n", &packed), BadPeer::json("", &plain)] {
        let error = peer.robaws().read_vat_tariffs().await.unwrap_err();
        assert!(Chain(&error).to_string().contains("8 MiB"), "{error:?}");
        let error = peer.productflow().read_order_list_page(1, 100, true).await.unwrap_err();
        assert!(Chain(&error).to_string().contains("8 MiB"), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_nested_too_deep_is_unreadable() {
    for text in ["[", "{\"data\":"] {
        let peer = BadPeer::json("", text.repeat(100_000).as_bytes());
        let error = peer.robaws().read_vat_tariffs().await.unwrap_err();
        assert!(matches!(error, robaws::Error::Unreadable { .. }), "{error:?}");
        let error = peer.productflow().read_order_list_page(1, 100, true).await.unwrap_err();
        assert!(matches!(error, productflow::Error::Unreadable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_no_error_tells_a_secret() {
    let thief = BadPeer::json("", b"{}");
    for status in [301, 302, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: http://{}/api/articles\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            thief.address
        );
        let peer = BadPeer::with_answer(answer.into_bytes());
        let errors = [
            format!("{:?}", peer.robaws().read_vat_tariffs().await.unwrap_err()),
            format!("{:?}", peer.productflow().read_order_list_page(1, 100, true).await.unwrap_err()),
            format!("{:?} {:?}", peer.robaws(), peer.productflow()),
        ];
        assert_eq!(peer.count_requests(), 2);
        assert!(peer.seen.lock().unwrap().contains("Bearer the-token"));
        for error in errors {
            assert!(!error.contains("the-secret") && !error.contains("the-token"), "{error}");
        }
    }
    assert_eq!(thief.count_requests(), 0);
}

#[tokio::test]
async fn an_id_that_names_a_folder_is_never_asked_for() {
    let peer = BadPeer::json("", b"{\"id\":\"1\",\"identifier\":\"x\"}");
    for id in [".", "..", "../articles", "1/../2", "1//2"] {
        let id = DocumentId::parse(id).unwrap();
        assert!(peer.robaws().read_invoice(&id, false).await.unwrap().is_none());
        peer.robaws().delete_draft_invoice(&id).await.unwrap();
    }
    for identifier in [".", ".."] {
        let identifier = OrderIdentifier::parse(identifier).unwrap();
        assert!(peer.productflow().read_order(&identifier).await.unwrap().is_none());
    }
    assert_eq!(peer.count_requests(), 0);
    let identifier = OrderIdentifier::parse("../marketplace?x#y\r\nHost: evil").unwrap();
    peer.productflow().read_order(&identifier).await.unwrap();
    let seen = peer.seen.lock().unwrap().clone();
    assert!(
        seen.starts_with("GET /api/order/%2E%2E%2Fmarketplace%3Fx%23y%0D%0AHost%3A%20evil HTTP/1.1\r\n"),
        "{seen}"
    );
}

fn assert_harmless(html: &str, path: &str) {
    let document = Html::parse_document(html);
    for element in document.root_element().descendants().filter_map(|node| node.value().as_element()) {
        assert!(!matches!(element.name(), "script" | "iframe" | "object" | "base"), "{path}");
        assert!(element.name() != "img" || element.attr("src") != Some("x"), "{path}");
        for (name, value) in element.attrs() {
            assert!(!name.starts_with("on") && name != "style", "{path}: {name}");
            assert!(!value.trim_start().to_ascii_lowercase().starts_with("javascript:"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_texts_of_the_peers_are_shown_as_text() {
    let world = World::new().await;
    world.place_order(
        OrderBuilder::new("PF-1")
            .with_external_number(HOSTILE)
            .with_field("marketplace", json!({"id": 1, "name": HOSTILE}))
            .with_line_value(json!({"id": HOSTILE, "sku": HOSTILE, "title": HOSTILE, "quantity": 1, "price": 100, "vat_code": HOSTILE})),
    );
    world.place_order(order_of_one_line("PF-2").with_external_number(HOSTILE));
    world.stack.robaws.add_fault(
        Fault::for_call("POST", "/stock-changes")
            .until_cleared()
            .with_effect(Effect::Answer(Answer::with_json(422, json!({ "message": HOSTILE })))),
    );
    world.poll_for_minutes(10).await;
    let mut merchant = Browser::new_signed_in(&world.stack, "shop").await;
    for page in [
        "",
        "/orders",
        "/orders/PF-1",
        "/orders/PF-2",
        "/notifications",
        "/articles",
        "/preview",
        "/checklist",
        "/orders?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/orders?state=%3Cscript%3E",
        "/articles?number=%3Cscript%3E",
        "/%3Cscript%3E",
        "/orders/month?month=%3Cscript%3E",
    ] {
        let path = format!("/c/shop{page}");
        let shown = merchant.get(&path).await;
        assert!(shown.status < 500, "{path}: {}", shown.status);
        assert_harmless(&shown.html, &path);
        for (name, value) in shown.headers.as_object().unwrap() {
            let value = value.as_str().unwrap();
            assert!(!value.contains(['\r', '\n']) && !value.contains("a=b"), "{path}: {name}: {value}");
        }
    }
    let order = merchant.get("/c/shop/orders/PF-1").await;
    assert!(order.visible_text().contains("<script>alert(1)</script>"), "{}", order.visible_text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_identifiers_are_booked_once_and_have_pages() {
    let world = World::new().await;
    let long = "x".repeat(1_500);
    let strange = [
        "a/../../b",
        "x\r\nSet-Cookie: y",
        "%2e%2e%2f",
        "\u{202e}fdp.exe",
        "=1+1",
        "?a=b#c",
        "~",
        "é\u{301}",
        long.as_str(),
    ];
    for identifier in strange {
        world.place_order(OrderBuilder::new(identifier).with_external_number("1").with_line(
            "A-1",
            1,
            2999,
            Some("7"),
        ));
    }
    let before = world.pieces_in_stock("12");
    world.poll_for_minutes(15).await;
    let mut merchant = Browser::new_signed_in(&world.stack, "shop").await;
    for identifier in strange {
        assert_eq!(world.order_state(identifier).await, "booked", "{identifier:?}");
        let parsed = OrderIdentifier::parse(identifier).unwrap();
        let part = web::request::encode_order_identifier(&parsed);
        let page = merchant.send_request("GET", &format!("/c/shop/orders/{part}"), "").await;
        assert_eq!(page.status, 200, "{identifier:?}");
    }
    assert_eq!(before - world.pieces_in_stock("12"), strange.len().into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_too_large_or_nested_too_deep_are_refused_and_no_url_of_a_peer_is_taken() {
    let world = World::new().await;
    let token = json!({ "authorization": format!("Bearer {}", local::stack::OPERATOR_TOKEN) });
    let Value::Object(headers) = token else { panic!() };
    let post = async |body: String| {
        let event =
            local::api_gateway::build_event("POST", "/api/connections", "", &headers, "x", &body.into())
                .unwrap();
        world.stack.call_http(event).await.unwrap().0
    };
    assert_eq!(post("[".repeat(100_000)).await, 400);
    assert_eq!(post("{\"id\":".repeat(40_000)).await, 400);
    assert_eq!(post(format!("{{\"id\":\"{}\"}}", "x".repeat(256 * 1024))).await, 413);
    for body in [
        json!({ "id": "new", "base_url": "http://169.254.169.254/" }),
        json!({ "id": "new", "robaws": { "key": "k", "secret": "s", "base_url": "http://169.254.169.254/" } }),
        json!({ "id": "new", "productflow": { "access_token": "t", "company_id": 1, "url": "http://169.254.169.254/" } }),
        json!({ "id": "new", "settings": { "robaws_base_url": "http://169.254.169.254/" } }),
    ] {
        assert_eq!(post(body.to_string()).await, 400, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_was_made_up_shows_nothing_of_another_connection() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    let (status, _) =
        world.stack.call_api("POST", "/api/connections", &json!({ "id": "other" })).await.unwrap();
    assert_eq!(status, 201);
    let list = |id: &str, cursor: String| {
        let path = format!("/api/connections/{id}/orders?limit=1&cursor={cursor}");
        let stack = &world.stack;
        async move { stack.call_api("GET", &path, &Value::Null).await.unwrap() }
    };
    let (_, first) = list("shop", String::new()).await;
    let theirs = first["cursor"].as_str().unwrap().to_owned();
    let (status, answer) = list("other", theirs).await;
    assert_eq!((status, &answer["items"]), (200, &json!([])));
    for made_up in [
        "[\"\",\"\"]".to_owned(),
        "[\"x\",\"\"]".to_owned(),
        "[\"\",\"x\"]".to_owned(),
        "[1,2]".to_owned(),
        "{}".to_owned(),
        format!("[\"{}\",\"x\"]", "x".repeat(3_000)),
        format!("[\"x\",\"{}\"]", "x".repeat(3_000)),
    ] {
        let (status, answer) = list("other", URL_SAFE_NO_PAD.encode(&made_up)).await;
        assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("bad_request")), "{made_up:.40}");
    }
}

#[tokio::test]
async fn another_operator_token_ends_the_old_one_and_all_sessions() {
    const SECRET: &str = "rotated";
    let world = World::new().await;
    let secrets = &world.stack.aws.secretsmanager;
    let (old, new) = ("o".repeat(43), "n".repeat(43));
    secrets.create_secret().name(SECRET).secret_string(&old).send().await.unwrap();
    let before = OperatorToken::new(secrets.clone(), SECRET);
    assert!(before.verify_token(&old).await.unwrap());
    let (keys, now) = (SessionKeys::from_operator_token(&before).await.unwrap(), world.clock.now());
    let header = Session::new(world.connection.clone(), now, now).cookie_header(&keys, now);
    let cookie = header.split_once('=').unwrap().1.split(';').next().unwrap();
    assert!(Session::verify_cookie(cookie, &keys, now).is_some());
    let form = keys.form_token("session");
    secrets.put_secret_value().secret_id(SECRET).secret_string(&new).send().await.unwrap();
    // As a new process; another one forgets the old token within ten minutes.
    let after = OperatorToken::new(secrets.clone(), SECRET);
    assert!(after.verify_token(&new).await.unwrap());
    assert!(!after.verify_token(&old).await.unwrap());
    let keys = SessionKeys::from_operator_token(&after).await.unwrap();
    assert!(Session::verify_cookie(cookie, &keys, now).is_none());
    assert!(!keys.is_form_token("session", &form));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_recorded_and_sent_again_is_refused_or_changes_nothing() {
    let world = World::new_activated().await;
    let secret = world.robaws.webhook_endpoints()[0].secret.clone();
    let body = announce_change("e-1", "12");
    let recorded = sign_delivery(&secret, world.now().as_second(), &body);
    for _ in 0..3 {
        assert_eq!(deliver_announcement(&world, "shop", Some(&recorded), &body, false).await, 202);
    }
    assert_eq!(world.stack.aws.queues.messages_in("articles.fifo").len(), 1);
    world.deliver_and_work().await;
    world.clear_calls();
    world.clock.advance_by(jiff::SignedDuration::from_secs(300));
    assert_eq!(deliver_announcement(&world, "shop", Some(&recorded), &body, false).await, 202);
    world.deliver_and_work().await;
    assert!(world.list_writes().is_empty(), "a look that finds nothing new writes nothing");
    world.clock.advance_by(jiff::SignedDuration::from_secs(1));
    assert_eq!(deliver_announcement(&world, "shop", Some(&recorded), &body, false).await, 401);
}
