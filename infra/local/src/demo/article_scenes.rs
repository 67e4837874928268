//! The day's scenes about articles: ticking, changing, a number used twice, a burst of changes, archiving. At the end ProductFlow
//! must have an offer for every live, ticked article whose number is unique, as it is in Robaws, and no other offer.

use super::Day;
use anyhow::bail;
use rust_decimal::Decimal;
use simulators::demo;
use simulators::robaws::Article;
use std::collections::BTreeMap;

/// Number of articles in the burst.
const BURST_ARTICLES: usize = 20;
/// Changes of each article of the burst.
const CHANGES_PER_ARTICLE: i64 = 3;

impl Day<'_> {
    fn current_offers(&self) -> BTreeMap<String, (i64, Option<Decimal>)> {
        let products = self.productflow.products().into_iter();
        products
            .filter_map(|(sku, product)| {
                let offer = product.offer?;
                let cost = offer.euro_price("cost_price").and_then(|price| price.parse().ok());
                Some((sku, (offer.qty_available, cost)))
            })
            .collect()
    }

    fn describe_offers(&self, numbers: &[&str]) -> String {
        let offers = self.current_offers();
        let one = |number: &&str| match offers.get(*number) {
            Some((pieces, Some(cost))) => format!("{number}: {pieces} for sale, cost price €{cost}"),
            Some((pieces, None)) => format!("{number}: {pieces} for sale"),
            None => format!("{number}: not for sale"),
        };
        numbers.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    pub(super) async fn play_articles(&mut self) -> anyhow::Result<()> {
        self.say_line(&format!("In ProductFlow: {}.", self.describe_offers(&["A-1", "MONTAGE"])))?;
        self.robaws.edit_article("15", |article| article.set_tick(true));
        self.robaws.edit_article("12", |article| article.cost_price = Decimal::new(1_525, 2));
        self.stack.run_until_quiet().await?;
        self.say_line(&format!(
            "MONTAGE is ticked, the cost price of A-1 changes: {}.",
            self.describe_offers(&["A-1", "MONTAGE"])
        ))?;

        let new = |id: &str, number: &str| Article::new(id, number).with_tick(true);
        self.robaws.create_article(new("92", "C-1"));
        self.robaws.set_stock("92", demo::STOCK_LOCATION, 8);
        self.stack.run_until_quiet().await?;
        self.robaws.create_article(new("93", "C-1"));
        self.stack.run_until_quiet().await?;
        self.say_line(&format!("A second article gets the number C-1. {}.", self.describe_offers(&["C-1"])))?;
        self.say_problems().await?;
        self.robaws.edit_article("93", |article| article.article_number = Some("C-2".to_owned()));
        self.stack.run_until_quiet().await?;
        self.say_line(&format!("It becomes C-2. {}.", self.describe_offers(&["C-1", "C-2"])))?;

        self.robaws.change_settings(|settings| {
            settings.webhook_repeat = true;
            settings.webhook_reorder = true;
            settings.webhook_guid_keys = true;
        });
        let ids: Vec<String> = (0..BURST_ARTICLES).map(|n| (200 + n).to_string()).collect();
        for (n, id) in ids.iter().enumerate() {
            self.robaws.put_article(new(id, &format!("BURST-{n}")));
        }
        for change in 1..=CHANGES_PER_ARTICLE {
            for id in &ids {
                self.robaws.edit_article(id, |article| article.cost_price = Decimal::new(100 * change, 2));
            }
        }
        let before = self.stack.productflow.count_calls("POST", "/product");
        self.stack.run_until_quiet().await?;
        let writes = self.stack.productflow.count_calls("POST", "/product") - before;
        self.say_line(&format!(
            "{BURST_ARTICLES} new articles change {CHANGES_PER_ARTICLE} times each, every event comes twice and out of order: {writes} writes."
        ))?;

        // Robaws sends no webhook when an article is archived, so the nightly check has to find it.
        self.robaws.archive_article("92");
        self.stack.run_nightly_check().await?;
        self.stack.run_until_quiet().await?;
        self.say_line(&format!(
            "C-1 is archived; the nightly check finds it. {}.",
            self.describe_offers(&["C-1", "C-2"])
        ))
    }

    async fn say_problems(&mut self) -> anyhow::Result<()> {
        let path = format!("/api/connections/{}/articles?state=problem", crate::runner::CONNECTION);
        let (status, shown) = self.stack.call_api("GET", &path, &serde_json::Value::Null).await?;
        if status != 200 {
            bail!("articles can't be listed ({status}): {shown}");
        }
        let mut problems = shown["items"].as_array().into_iter().flatten();
        let message = problems
            .find_map(|article| article["problems"][0]["message"].as_str())
            .unwrap_or_default()
            .to_owned();
        self.say_line(&format!("  ! {message}"))
    }

    /// Compares the offers in ProductFlow with the articles in Robaws, and returns the number of offers.
    pub(super) fn check_offers(&self, wrong: &mut Vec<String>) -> usize {
        let articles = self.robaws.articles();
        let mut expected = BTreeMap::new();
        for article in articles.iter().filter(|article| article.is_ticked() && !article.is_gone()) {
            let number = article.article_number.clone().unwrap_or_default();
            let same = |other: &&Article| !other.is_gone() && other.article_number == article.article_number;
            if articles.iter().filter(same).count() == 1 {
                let stock: Decimal = self
                    .robaws
                    .all_stock()
                    .into_iter()
                    .filter(|(id, ..)| *id == article.id)
                    .map(|(.., pieces)| pieces)
                    .sum();
                let cost = Some(article.cost_price).filter(|cost| *cost > Decimal::ZERO);
                expected.insert(number, (stock.floor().max(Decimal::ZERO), cost));
            }
        }
        let offers: BTreeMap<String, (Decimal, Option<Decimal>)> = self
            .current_offers()
            .into_iter()
            .map(|(sku, (pieces, cost))| (sku, (Decimal::from(pieces), cost)))
            .collect();
        for number in expected.keys().chain(offers.keys()) {
            let (is, must) = (offers.get(number), expected.get(number));
            if is != must {
                wrong.push(format!("{number} is offered as {is:?}, {must:?} expected"));
            }
        }
        offers.len()
    }
}
