//! Both clients, asked everything of a peer that answers anything.

use super::planned;
use domain::ids::{ArticleId, ClientId, DocumentId, OrderIdentifier, ProductFlowCompanyId, Sku};
use domain::invoice::DocumentKind;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// Answers of one input; a list that says it goes on is told 404 afterwards.
const MOST_ANSWERS: usize = 3;
/// Statuses by which the peers refuse.
pub const REFUSED: [u16; 6] = [400, 401, 403, 409, 413, 422];
/// Status, body, and how often it is answered yet.
type Answer = Arc<Mutex<(u16, Vec<u8>, usize)>>;

/// A peer, asked by new clients each time: what they learn of its limits would make them wait.
pub struct Peer {
    answer: Answer,
    url: url::Url,
    http: reqwest::Client,
}

impl Peer {
    /// Serves on a port of this machine.
    pub fn serve() -> Self {
        let answer = Answer::default();
        let url = serve(answer.clone());
        let http = runtime::http::peer_client(&[&url]).unwrap();
        Self { answer, url, http }
    }

    fn answers(&self, status: u16, body: &[u8]) {
        *self.answer.lock().unwrap() = (status, body.to_vec(), MOST_ANSWERS);
    }

    /// Asks Robaws about something that the corpus has an example of.
    pub async fn ask_robaws(&self, about: &str, status: u16, body: &[u8]) {
        let credentials = robaws::Credentials { key: "k".into(), secret: "s".into() };
        self.answers(status, body);
        let client = robaws::Client::new(self.http.clone(), self.url.clone(), credentials, Arc::default());
        ask_robaws(&client, about).await;
    }

    /// Asks ProductFlow about one order or many, and plans what it answers.
    pub async fn ask_productflow(&self, about: &str, status: u16, body: &[u8]) {
        self.answers(status, body);
        let client = productflow::Client::new(
            self.http.clone(),
            self.url.clone(),
            "t".into(),
            ProductFlowCompanyId(1),
        );
        let mut orders = Vec::new();
        if about == "order" {
            let asked = OrderIdentifier::parse("PF-1").unwrap();
            orders.extend(client.read_order(&asked).await.ok().flatten());
        } else if let Ok(page) = client.read_order_list_page(1, 100, true).await {
            orders.extend(page.orders);
        }
        for order in orders {
            planned(&order);
        }
    }

    /// Asks what the first line names, as in `robaws/article`; the rest answers it. What is named `error` is refused.
    pub async fn asked(&self, bytes: &[u8]) {
        let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
        let first = parts.next().and_then(|line| std::str::from_utf8(line).ok());
        let (Some((peer, about)), Some(body)) = (first.and_then(|line| line.split_once('/')), parts.next())
        else {
            return;
        };
        let status = if about == "error" { 422 } else { 200 };
        match peer {
            "robaws" => self.ask_robaws(about, status, body).await,
            "productflow" => self.ask_productflow(about, status, body).await,
            _ => {}
        }
    }
}

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
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-ratelimit-remaining: 1000\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // Whoever asked may have hung up.
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).ok();
        }
    });
    url.parse().unwrap()
}

async fn ask_robaws(client: &robaws::Client, example: &str) {
    let (article, document) = (ArticleId::parse("12").unwrap(), DocumentId::parse("41").unwrap());
    match example {
        "articles" => {
            client.find_article_by_number(&Sku::parse("A-1").unwrap()).await.ok();
            client.find_articles("A", 20).await.ok();
            client.read_namesakes("A-1", &article).await.ok();
        }
        "article" => {
            client.read_article(&article).await.ok();
            client.read_article_detail(&article).await.ok();
        }
        "tariffs" => drop(client.read_vat_tariffs().await.ok()),
        "named" => {
            client.read_users().await.ok();
            client.find_clients("B2C", 20).await.ok();
            client.read_client(&ClientId::parse("5").unwrap()).await.ok();
        }
        "stock_changes" => drop(client.find_stock_change("PF-1", jiff::Timestamp::UNIX_EPOCH).await.ok()),
        "stock_change" => {
            client.read_stock_change_with_lines(&document).await.ok();
            client.create_stock_change("{}", "k").await.ok();
        }
        "invoice" => {
            client.read_invoice(&document, true).await.ok();
            client.create_invoice_header("{}", "k").await.ok();
        }
        "invoices" => {
            client.find_invoices_by_reference("PF-1", DocumentKind::Invoice).await.ok();
            client.read_invoice_list_page(0, jiff::Timestamp::UNIX_EPOCH).await.ok();
            client.read_live_invoice_list_page(0, jiff::Timestamp::UNIX_EPOCH).await.ok();
        }
        "webhooks" => drop(client.find_webhooks_to("https://x.example/webhooks/robaws/shop").await.ok()),
        _ => {
            client.read_stock_locations().await.ok();
            client.read_companies().await.ok();
        }
    }
}
