//! The controls of an order's page, filled in: what can be chosen, what was typed, what was wrong with it.

use super::super::forms::Form;
use super::super::layout::Layout;
use super::super::visit::Visit;
use super::cards::{Card, Solution};
use super::robaws::{Catalogue, MOST_ARTICLES};
use super::words;
use crate::robaws_web::Shown;
use domain::ids::{DocumentId, LineId};
use domain::ledger::RowEffect;
use domain::order::LineFacts;
use domain::stock::Booked;
use store::model::OrderRecord;

/// Tariffs offered.
const MOST_TARIFFS: usize = 100;
/// Lines offered in one control; the others follow once these are solved.
const MOST_LINES: usize = 12;

/// A form that was sent and not taken.
pub struct Sent<'a> {
    /// What it asked for: the last part of its path.
    pub action: &'a str,
    /// What was typed.
    pub form: &'a Form,
    /// What was wrong, in words.
    pub faults: Vec<String>,
}

impl Sent<'_> {
    fn fault(&self) -> Option<String> {
        (!self.faults.is_empty()).then(|| self.faults.join(" "))
    }
}

/// Something that can be chosen.
pub struct Choice {
    /// Its value.
    pub value: String,
    /// What it says.
    pub text: String,
    /// Whether it is.
    pub chosen: bool,
}

/// A VAT tariff for some lines.
pub struct TariffControl {
    /// Tells it from the others of the page.
    pub id: String,
    /// The tariffs.
    pub tariffs: Vec<Choice>,
    /// Robaws was asked for them and did not answer.
    pub silent: bool,
    /// The lines.
    pub lines: Vec<Choice>,
    /// What was wrong with what was sent.
    pub fault: Option<String>,
}

/// An article for one line.
pub struct ArticleControl {
    /// Tells it from the others of the page.
    pub id: String,
    /// The line's id.
    pub line: String,
    /// The line in words.
    pub name: String,
    /// What was searched for.
    pub find: String,
    /// What was found, once something was searched for.
    pub found: Option<Vec<Found>>,
    /// There is more than is shown.
    pub is_cut: bool,
    /// Robaws was asked and did not answer.
    pub silent: bool,
    /// What was wrong with what was sent.
    pub fault: Option<String>,
}

/// An article that a search found.
pub struct Found {
    /// To choose it.
    pub choice: Choice,
    /// Where Robaws shows it.
    pub href: String,
}

/// Whether a document is in Robaws.
pub struct DoubtControl {
    /// What may be in Robaws.
    pub effect: String,
    /// What to type is explained by this text.
    pub hint: &'static str,
    /// What was typed.
    pub typed: String,
    /// What was wrong with it.
    pub fault: Option<String>,
}

/// What becomes of invoice and stock.
pub struct UndoControl {
    /// What can happen to the invoice.
    pub invoice: Vec<Choice>,
    /// What can happen to the stock; empty when none is out.
    pub stock: Vec<Choice>,
    /// What was wrong with what was sent.
    pub fault: Option<String>,
}

/// A problem with its control.
pub struct Solvable {
    /// The problem.
    pub card: Card,
    /// Choosing a VAT tariff.
    pub tariff: Option<TariffControl>,
    /// Choosing articles.
    pub articles: Vec<ArticleControl>,
    /// Saying whether it is in Robaws.
    pub doubt: Option<DoubtControl>,
    /// Having the rest booked, after the ledger was lost.
    pub book_rest: bool,
    /// Undoing the invoice.
    pub undo: Option<UndoControl>,
    /// Everything was chosen, and the order not looked at since.
    pub is_chosen: bool,
    /// Lines that are not offered yet.
    pub more_lines: usize,
}

/// What the page is made of.
pub struct Ground<'a, 'v> {
    /// Who asks.
    pub visit: &'a Visit<'v>,
    /// The page.
    pub page: &'a Layout,
    /// The order.
    pub record: &'a OrderRecord,
    /// What Robaws said.
    pub catalogue: &'a Catalogue,
    /// A form that was not taken.
    pub sent: Option<&'a Sent<'a>>,
}

impl Ground<'_, '_> {
    /// A problem with its control.
    pub fn solvable(&self, card: Card) -> Solvable {
        let (tariff_lines, article_lines) = match &card.solution {
            Solution::Tariff(lines) => (self.lines(lines), Vec::new()),
            Solution::Article(lines) => (Vec::new(), self.lines(lines)),
            _ => (Vec::new(), Vec::new()),
        };
        let chooses = matches!(card.solution, Solution::Tariff(_) | Solution::Article(_));
        let known = !words::lines(self.record).is_empty();
        Solvable {
            tariff: (!tariff_lines.is_empty()).then(|| self.tariff(&card, &tariff_lines)),
            articles: article_lines
                .iter()
                .take(MOST_LINES)
                .map(|line| self.article(line))
                .collect(),
            doubt: (card.solution == Solution::InDoubt)
                .then(|| self.doubt())
                .flatten(),
            book_rest: card.solution == Solution::BookRest,
            undo: (card.solution == Solution::Undo).then(|| self.undo()),
            is_chosen: chooses && known && tariff_lines.is_empty() && article_lines.is_empty(),
            more_lines: tariff_lines
                .len()
                .max(article_lines.len())
                .saturating_sub(MOST_LINES),
            card,
        }
    }

    fn lines(&self, places: &[usize]) -> Vec<&LineFacts> {
        let lines = words::lines(self.record);
        places.iter().filter_map(|place| lines.get(*place)).collect()
    }

    fn sent(&self, action: &str, is_it: impl Fn(&Form) -> bool) -> Option<&Sent<'_>> {
        self.sent.filter(|sent| sent.action == action && is_it(sent.form))
    }

    fn tariff(&self, card: &Card, lines: &[&LineFacts]) -> TariffControl {
        let id = card.code.as_str();
        let sent = self.sent("choose", |form| form.value("card") == Some(id));
        let typed = sent.and_then(|sent| sent.form.value("tariff"));
        let tariffs = self
            .catalogue
            .tariffs
            .answer()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let tariffs = tariffs.iter().take(MOST_TARIFFS).map(|tariff| {
            let percentage = tariff.percentage.normalize().to_string();
            let name = words::shortened(&tariff.name);
            let values = [
                ("name", name.as_str()),
                ("percentage", &percentage),
                ("id", tariff.id.as_str()),
            ];
            Choice {
                value: tariff.id.to_string(),
                text: self.page.f("order.tariff", &values),
                chosen: typed == Some(tariff.id.as_str()),
            }
        });
        let lines = lines.iter().take(MOST_LINES).map(|line| Choice {
            value: line.id.to_string(),
            text: words::line_name(line, self.page),
            chosen: sent.is_none_or(|sent| sent.form.has(&format!("line:{}", line.id))),
        });
        TariffControl {
            id: id.to_owned(),
            tariffs: tariffs.collect(),
            silent: self.catalogue.tariffs.is_silent(),
            lines: lines.collect(),
            fault: sent.and_then(Sent::fault),
        }
    }

    fn article(&self, line: &LineFacts) -> ArticleControl {
        let sent = self.sent("choose", |form| {
            form.typed("article_of") == Some(line.id.as_str())
        });
        let (find, typed) = match sent {
            Some(sent) => (sent.form.value("find"), sent.form.value("article")),
            None => (searched(self.visit, &line.id), None),
        };
        let answer = self.catalogue.articles.answer().filter(|_| find.is_some());
        let found = answer.map(|(articles, _)| {
            let found = articles.iter().map(|article| {
                let name = |text: &Option<String>| text.as_deref().map(words::shortened).unwrap_or_default();
                let text = format!("{} {}", name(&article.number), name(&article.name));
                Found {
                    choice: Choice {
                        value: article.id.to_string(),
                        text: text.trim().to_owned(),
                        chosen: typed == Some(article.id.as_str()),
                    },
                    href: self.visit.deps.robaws_link(Shown::Article, article.id.as_str()),
                }
            });
            found.collect()
        });
        let place = words::lines(self.record)
            .iter()
            .position(|known| known.id == line.id);
        ArticleControl {
            id: place.unwrap_or_default().to_string(),
            line: line.id.to_string(),
            name: words::line_name(line, self.page),
            find: find.unwrap_or_default().to_owned(),
            is_cut: answer.is_some_and(|(articles, is_cut)| *is_cut || articles.len() >= MOST_ARTICLES),
            silent: find.is_some() && self.catalogue.articles.is_silent(),
            found,
            fault: sent.and_then(Sent::fault),
        }
    }

    fn doubt(&self) -> Option<DoubtControl> {
        let row = self.record.ledger.in_doubt()?;
        let sent = self.sent("settle", |form| form.value("as") == Some("done"));
        let known = row.robaws_id.as_ref().map(DocumentId::as_str);
        let typed = sent.map(|sent| sent.form.value("robaws_id").unwrap_or_default());
        Some(DoubtControl {
            effect: words::effect(row, self.visit.language),
            hint: match &row.effect {
                RowEffect::StockChange { .. } => "order.document_hint_stock",
                RowEffect::Invoice { .. } | RowEffect::CreditNote { .. } | RowEffect::DeleteDraft { .. } => {
                    "order.document_hint_invoice"
                }
            },
            typed: typed.or(known).unwrap_or_default().to_owned(),
            fault: sent.and_then(Sent::fault),
        })
    }

    /// Only what fits what the invoice is now: a booked one can be credited, a draft deleted.
    fn undo(&self) -> UndoControl {
        let sent = self.sent("settle", |form| form.value("as") == Some("undo"));
        let typed = |name: &str| sent.and_then(|sent| sent.form.value(name));
        let choices = |name: &str, offered: &[(&str, &'static str)]| {
            let choice = |(value, key): &(&str, &'static str)| Choice {
                value: (*value).to_owned(),
                text: self.page.t(key).to_owned(),
                chosen: typed(name) == Some(value),
            };
            offered.iter().map(choice).collect()
        };
        let is_booked = self
            .record
            .ledger
            .invoice()
            .is_some_and(|(_, invoice)| invoice.booked);
        let undone = if is_booked {
            ("credit", "order.credit")
        } else {
            ("delete_draft", "order.delete_draft")
        };
        let stock_is_out = !Booked::of(&self.record.ledger).is_empty();
        let stock: &[(&str, &'static str)] = if stock_is_out {
            &[("return", "order.return_stock"), ("keep", "order.keep_stock")]
        } else {
            &[]
        };
        UndoControl {
            invoice: choices("invoice", &[undone, ("keep", "order.keep_invoice")]),
            stock: choices("stock", stock),
            fault: sent.and_then(Sent::fault),
        }
    }
}

/// What is searched for as the article of this line.
pub fn searched<'a>(visit: &'a Visit<'_>, line: &LineId) -> Option<&'a str> {
    let is_this = visit.request.parameter("line") == Some(line.as_str());
    let find = visit.request.parameter("find").map(str::trim);
    find.filter(|text| is_this && !text.is_empty())
}
