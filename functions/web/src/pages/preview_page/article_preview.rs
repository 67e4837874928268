//! The articles of the preview, in the reader's words.

use super::super::layout::Layout;
use super::super::problem_words::{ProblemWords, shorten_to};
use super::super::visit::Visit;
use crate::preview::ticked_articles::TickedArticles;
use domain::article::{ArticleDetail, WantedListing};
use domain::problem::ProblemCode;
use domain::text;

/// Longest number or name shown, in characters.
const LONGEST_NAME: usize = 80;

/// What the preview shows of the ticked articles.
pub(super) struct ArticlePreview {
    /// A sentence that says how many articles are ticked.
    pub(super) count: String,
    /// Whether the settings send sale prices.
    pub(super) with_sale_price: bool,
    pub(super) rows: Vec<PreviewRow>,
    /// Whether there are more ticked articles than rows.
    pub(super) has_more: bool,
    /// Why no article is shown.
    pub(super) none: Option<&'static str>,
    /// The problem `checkbox_missing`, if it is open and no article showed the checkbox.
    pub(super) checkbox: Option<ProblemWords>,
}

/// The texts of one article.
pub(super) struct PreviewRow {
    pub(super) number: String,
    pub(super) name: String,
    pub(super) quantity: Option<u64>,
    pub(super) cost_price: Option<String>,
    pub(super) sale_price: Option<String>,
    pub(super) problems: Vec<ProblemWords>,
    /// Whether Robaws did not tell the stock of the article.
    pub(super) unread: bool,
}

impl ArticlePreview {
    pub(super) fn from_ticked(visit: &Visit<'_>, page: &Layout, ticked: &TickedArticles) -> Self {
        let count = ticked.count.to_string();
        let key = match (ticked.at_least, ticked.count) {
            (false, 1) => "preview.article",
            (false, _) => "preview.articles",
            (true, _) => "preview.articles_at_least",
        };
        let problem = visit.item.problems.get(&ProblemCode::CheckboxMissing);
        let is_empty = ticked.first.is_empty();
        let checkbox = problem.filter(|_| is_empty && !ticked.has_checkbox);
        let none = match (is_empty, ticked.has_checkbox, &checkbox) {
            (true, true, _) => Some(page.text_for("preview.none_ticked")),
            (true, false, None) => Some(page.text_for("preview.no_checkbox")),
            _ => None,
        };
        Self {
            count: page.fill_text(key, &[("count", count.as_str())]),
            with_sale_price: visit.item.connection.settings.send_sale_price,
            has_more: ticked.at_least || ticked.count > u64::try_from(ticked.first.len()).unwrap_or(0),
            rows: ticked.first.iter().map(|(article, wanted)| render_row(page, article, wanted)).collect(),
            none,
            checkbox: checkbox.map(|open| ProblemWords::from_problem(&open.problem, page)),
        }
    }
}

fn render_row(page: &Layout, article: &ArticleDetail, wanted: &WantedListing) -> PreviewRow {
    let name = article.sale_name.as_deref().or(article.name.as_deref());
    let mut row = PreviewRow {
        number: shorten_to(article.number.as_deref().unwrap_or_default(), LONGEST_NAME),
        name: shorten_to(name.unwrap_or_default(), LONGEST_NAME),
        quantity: None,
        cost_price: None,
        sale_price: None,
        problems: Vec::new(),
        unread: false,
    };
    match wanted {
        WantedListing::Listing(listing) => {
            let price = |price| text::format_price(price, page.language);
            row.name = shorten_to(&listing.product.title, LONGEST_NAME);
            row.quantity = Some(listing.offer.quantity);
            row.cost_price = listing.offer.cost_price.map(price);
            row.sale_price = listing.offer.sale_price.map(price);
            row.problems =
                listing.problems.iter().map(|problem| ProblemWords::from_problem(problem, page)).collect();
        }
        WantedListing::Impossible(problem) => row.problems = vec![ProblemWords::from_problem(problem, page)],
        WantedListing::Unread | WantedListing::Nothing => row.unread = true,
    }
    row
}
