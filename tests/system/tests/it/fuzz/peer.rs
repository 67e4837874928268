//! The clients against a peer that answers anything.

use super::{Inputs, corpus};
use domain::ids::{ArticleId, ClientId, CompanyId, DocumentId, OrderIdentifier, Sku};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use system::fuzz::planned;

/// Answers of one input; a list that says it goes on is told 404 afterwards.
const MOST_ANSWERS: usize = 3;

/// Status, body, and how often it is answered yet.
type Answer = Arc<Mutex<(u16, Vec<u8>, usize)>>;

fn serve(answer: Answer) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 8_192];
            if stream.read(&mut request).is_err() {
                continue;
            }
            let (status, body) = {
                let mut answer = answer.lock().unwrap();
                if answer.2 == 0 {
                    (404, Vec::new())
                } else {
                    answer.2 -= 1;
                    (answer.0, answer.1.clone())
                }
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // Whoever asked may have hung up.
            stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body))
                .ok();
        }
    });
    url.parse().unwrap()
}

async fn ask_robaws(client: &robaws::Client, example: &str) {
    let (article, document) = (ArticleId::parse("12").unwrap(), DocumentId::parse("41").unwrap());
    match example {
        "articles" => {
            client.articles_by_number(&Sku::parse("A-1").unwrap()).await.ok();
            client.find_articles("A", 20).await.ok();
            client.namesakes("A-1", &article).await.ok();
        }
        "article" => {
            client.article(&article).await.ok();
            client.article_detail(&article).await.ok();
        }
        "tariffs" => drop(client.vat_tariffs().await.ok()),
        "named" => {
            client.users().await.ok();
            client.find_clients("B2C", 20).await.ok();
            client.client(&ClientId::parse("5").unwrap()).await.ok();
        }
        "stock_changes" => drop(
            client
                .find_stock_change("PF-1", jiff::Timestamp::UNIX_EPOCH)
                .await
                .ok(),
        ),
        "stock_change" => {
            client.stock_change_with_lines(&document).await.ok();
            client.create_stock_change("{}", "k").await.ok();
        }
        "invoice" => {
            client.invoice(&document, true).await.ok();
            client.create_invoice("{}", "k").await.ok();
        }
        "webhooks" => drop(
            client
                .webhooks_to("https://x.example/webhooks/robaws/shop")
                .await
                .ok(),
        ),
        _ => {
            client.stock_locations().await.ok();
            client.companies().await.ok();
        }
    }
}

#[tokio::test]
async fn no_answer_of_a_peer_panics() {
    let answer: Answer = Arc::default();
    let url = serve(answer.clone());
    let http = runtime::http::client(&[&url]).unwrap();
    let productflow = productflow::Client::new(http.clone(), url.clone(), "t".into(), CompanyId(1));
    let mut inputs = Inputs::of("answers", 1_000);
    let examples: Vec<(bool, String, Value)> = corpus("robaws")
        .into_iter()
        .map(|(name, value)| (true, name, value))
        .chain(
            corpus("productflow")
                .into_iter()
                .map(|(name, value)| (false, name, value)),
        )
        .collect();
    let asked = OrderIdentifier::parse("PF-1").unwrap();
    while inputs.goes_on() {
        let at = inputs.mutator.below(examples.len());
        let (is_robaws, name, example) = &examples[at];
        let bytes = inputs.mutator.json(example);
        let _tried = inputs.trying(&bytes);
        let refused = [400, 401, 403, 409, 413, 422];
        let status = if name == "error" {
            refused[inputs.mutator.below(refused.len())]
        } else {
            200
        };
        *answer.lock().unwrap() = (status, bytes, MOST_ANSWERS);
        if *is_robaws {
            let credentials = robaws::Credentials {
                key: "k".into(),
                secret: "s".into(),
            };
            let client = robaws::Client::new(http.clone(), url.clone(), credentials, Arc::default());
            ask_robaws(&client, name).await;
            continue;
        }
        let mut orders = Vec::new();
        if name == "order" {
            orders.extend(productflow.order(&asked).await.ok().flatten());
        } else if let Ok(page) = productflow.orders_page(1, 100, true).await {
            orders.extend(page.orders);
        }
        for order in orders {
            planned(&order);
        }
    }
}
