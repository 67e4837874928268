//! A browser without scripts: keeps cookies, follows redirects, fills in the forms that a page holds.

use local::{Stack, api_gateway};
use scraper::{ElementRef, Html, Selector};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Bytes that a page may have at most.
pub const LARGEST_PAGE: usize = 60 * 1024;
/// Redirects followed for one click.
const MOST_REDIRECTS: usize = 5;

/// One browser.
pub struct Browser<'a> {
    stack: &'a Stack,
    cookies: BTreeMap<String, String>,
    /// Sent with every request.
    pub headers: Map<String, Value>,
}

/// An answer as the browser got it.
pub struct Page {
    pub status: u16,
    pub path: String,
    pub headers: Value,
    pub html: String,
}

/// A form of a page, filled in.
#[derive(Clone)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

fn parse_selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

impl Page {
    fn parse_document(&self) -> Html {
        Html::parse_document(&self.html)
    }

    /// What a reader sees, white space folded.
    pub fn visible_text(&self) -> String {
        let document = self.parse_document();
        let body = document.select(&parse_selector("main")).next();
        let text: String = body.map_or_else(String::new, |body| body.text().collect::<Vec<_>>().join(" "));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The texts of the elements that a CSS selector finds.
    pub fn texts_of(&self, css: &str) -> Vec<String> {
        let fold = |element: ElementRef<'_>| {
            let text = element.text().collect::<Vec<_>>().join(" ");
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        self.parse_document().select(&parse_selector(css)).map(fold).collect()
    }

    /// The paths of all links in the main part.
    pub fn link_paths(&self) -> Vec<String> {
        let document = self.parse_document();
        let wanted = parse_selector("main a[href]");
        document.select(&wanted).filter_map(|link| link.value().attr("href")).map(str::to_owned).collect()
    }

    /// Every form, as it would be sent with its first button.
    pub fn all_forms(&self) -> Vec<Form> {
        let document = self.parse_document();
        document
            .select(&parse_selector("form[method=post]"))
            .map(|form| Form {
                action: form.value().attr("action").unwrap_or(&self.path).to_owned(),
                fields: fields_of_form(form),
            })
            .collect()
    }

    /// The form whose action ends with this.
    pub fn form_to(&self, action: &str) -> Form {
        let found = self.all_forms().into_iter().find(|form| form.action.ends_with(action));
        found.unwrap_or_else(|| panic!("no form to {action} on {}: {}", self.path, self.visible_text()))
    }
}

fn fields_of_form(form: ElementRef<'_>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for element in form.select(&parse_selector("input[name], select[name], textarea[name]")) {
        let attribute = |name: &str| element.value().attr(name);
        let name = attribute("name").unwrap_or_default().to_owned();
        let value = match (element.value().name(), attribute("type").unwrap_or("text")) {
            ("select", _) => {
                let options: Vec<_> = element.select(&parse_selector("option")).collect();
                let chosen = options.iter().find(|o| o.value().attr("selected").is_some());
                let chosen = chosen.or(options.first());
                chosen.map(|o| {
                    let value = o.value().attr("value").map(str::to_owned);
                    value.unwrap_or_else(|| o.text().collect())
                })
            }
            ("textarea", _) => Some(element.text().collect()),
            (_, "checkbox" | "radio") => {
                attribute("checked").map(|_| attribute("value").unwrap_or("on").to_owned())
            }
            (_, "submit") => None,
            _ => Some(attribute("value").unwrap_or_default().to_owned()),
        };
        fields.extend(value.map(|value| (name, value)));
    }
    fields
}

impl Form {
    /// With a field set; one that is not there is added, as by a button or a box.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a field, as when a box is unticked.
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl<'a> Browser<'a> {
    pub fn new(stack: &'a Stack) -> Self {
        Self { stack, cookies: BTreeMap::new(), headers: Map::new() }
    }

    /// Signs in with a fresh link of the operator's API.
    pub async fn new_signed_in(stack: &'a Stack, connection: &str) -> Self {
        let mut browser = Self::new(stack);
        let path = format!("/api/connections/{connection}/sign-in-link");
        let (status, answer) = Box::pin(stack.call_api("POST", &path, &Value::Null)).await.unwrap();
        assert_eq!(status, 201, "{answer}");
        let url: url::Url = answer["url"].as_str().unwrap().parse().unwrap();
        let page = browser.get(url.path()).await;
        assert_eq!(page.status, 200);
        let page = browser.submit_form(&page.form_to(url.path())).await;
        assert_eq!(page.status, 200, "{}", page.visible_text());
        browser
    }

    /// One request, redirects not followed.
    pub async fn send_request(&mut self, method: &str, path_and_query: &str, body: &str) -> Page {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut event = api_gateway::build_event(
            method,
            path,
            query,
            &self.headers,
            "shop.example",
            &body.to_owned().into(),
        )
        .unwrap();
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            event["cookies"] = json!(cookies);
        }
        let answered = Box::pin(self.stack.invoke_http(event)).await.unwrap();
        for cookie in answered["cookies"].as_array().into_iter().flatten() {
            let (pair, rest) = cookie.as_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let page = Page {
            status: u16::try_from(answered["statusCode"].as_u64().unwrap()).unwrap(),
            path: path_and_query.to_owned(),
            headers: answered["headers"].clone(),
            html: answered["body"].as_str().unwrap_or_default().to_owned(),
        };
        let is_html = page.headers["content-type"].as_str().is_some_and(|kind| kind.starts_with("text/html"));
        assert!(
            !is_html || page.html.len() <= LARGEST_PAGE,
            "{path_and_query} has {} bytes",
            page.html.len()
        );
        page
    }

    async fn follow_redirects(&mut self, mut page: Page) -> Page {
        for _ in 0..MOST_REDIRECTS {
            if page.status != 303 {
                return page;
            }
            let to = page.headers["location"].as_str().unwrap().to_owned();
            page = self.send_request("GET", &to, "").await;
        }
        panic!("redirected in a circle to {}", page.path);
    }

    /// Opens a page.
    pub async fn get(&mut self, path_and_query: &str) -> Page {
        let page = Box::pin(self.send_request("GET", path_and_query, "")).await;
        self.follow_redirects(page).await
    }

    /// Sends a form.
    pub async fn submit_form(&mut self, form: &Form) -> Page {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&form.fields);
        let page = self.send_request("POST", &form.action, &body.finish()).await;
        self.follow_redirects(page).await
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }
}
