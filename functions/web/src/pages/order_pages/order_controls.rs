//! The controls of an order's page: what can be chosen, what was typed, and what was wrong with it.

use super::super::forms::Form;
use super::super::layout::Layout;
use super::super::visit::Visit;
use super::order_words;
use super::problem_cards::{ProblemCard, Solution};
use super::robaws_answers::{ControlAnswers, MOST_ARTICLES};
use crate::robaws_web::RobawsRecord;
use domain::ids::{DocumentId, LineId};
use domain::ledger::RowEffect;
use domain::order::LineFacts;
use domain::stock::BookedStock;
use store::model::OrderRecord;

/// Most tariffs offered.
const MOST_TARIFFS: usize = 100;
/// Most lines offered in one control. The page offers the others once these are solved.
const MOST_LINES: usize = 12;

/// A form that was sent and refused.
pub struct RefusedForm<'a> {
    /// The last part of the form's path: `retry`, `settle` or `choose`.
    pub action: &'a str,
    pub form: &'a Form,
    /// What was wrong, in the reader's language.
    pub faults: Vec<String>,
}

impl RefusedForm<'_> {
    fn fault_text(&self) -> Option<String> {
        (!self.faults.is_empty()).then(|| self.faults.join(" "))
    }
}

/// An option of a control.
pub struct ControlOption {
    /// What the form sends.
    pub value: String,
    /// What the reader sees.
    pub text: String,
    pub chosen: bool,
}

/// Choosing a VAT tariff for some lines.
pub struct TariffControl {
    /// Id of the control, unique on the page.
    pub id: String,
    pub tariffs: Vec<ControlOption>,
    /// Whether Robaws was asked for the tariffs and did not answer.
    pub silent: bool,
    /// The lines that the tariff can be chosen for.
    pub lines: Vec<ControlOption>,
    pub fault: Option<String>,
}

/// Choosing an article for one line.
pub struct ArticleControl {
    /// Id of the control, unique on the page.
    pub id: String,
    /// Id of the line.
    pub line: String,
    /// The line as people know it: article number and pieces.
    pub name: String,
    /// The text that was searched for; empty without a search.
    pub find: String,
    /// The articles found; `None` without a search.
    pub found: Option<Vec<FoundArticleOption>>,
    /// Whether more articles were found than are shown.
    pub is_cut: bool,
    /// Whether Robaws was searched and did not answer.
    pub silent: bool,
    pub fault: Option<String>,
}

/// An article that a search found.
pub struct FoundArticleOption {
    pub choice: ControlOption,
    /// Link to the article in Robaws.
    pub href: String,
}

/// Saying whether a document in doubt is in Robaws.
pub struct DoubtControl {
    /// What the effect in doubt does, in words.
    pub effect: String,
    /// Key of the text that explains what to type.
    pub hint: &'static str,
    pub typed: String,
    pub fault: Option<String>,
}

/// Deciding what becomes of invoice and stock.
pub struct UndoControl {
    /// The options for the invoice.
    pub invoice: Vec<ControlOption>,
    /// The options for the stock; empty when no stock is booked out.
    pub stock: Vec<ControlOption>,
    pub fault: Option<String>,
}

/// A problem and the control that solves it; at most one of the controls is there.
pub struct ProblemWithControl {
    pub card: ProblemCard,
    pub tariff: Option<TariffControl>,
    pub articles: Vec<ArticleControl>,
    pub doubt: Option<DoubtControl>,
    /// Whether the rest can be booked, after the ledger was lost and rebuilt.
    pub book_rest: bool,
    pub undo: Option<UndoControl>,
    /// Whether everything was chosen and the order has not been looked at since then.
    pub is_chosen: bool,
    /// The number of lines that are not offered yet.
    pub more_lines: usize,
}

/// What the controls are made of.
pub struct ControlContext<'a, 'v> {
    pub visit: &'a Visit<'v>,
    pub page: &'a Layout,
    pub record: &'a OrderRecord,
    /// What Robaws answered for this page.
    pub catalogue: &'a ControlAnswers,
    /// The form that was refused, if the page is shown for one.
    pub refused_form: Option<&'a RefusedForm<'a>>,
}

impl ControlContext<'_, '_> {
    /// Adds to a problem the control that solves it.
    pub fn attach_control(&self, card: ProblemCard) -> ProblemWithControl {
        let (tariff_lines, article_lines) = match &card.solution {
            Solution::Tariff(lines) => (self.lines_at(lines), Vec::new()),
            Solution::Article(lines) => (Vec::new(), self.lines_at(lines)),
            _ => (Vec::new(), Vec::new()),
        };
        let chooses = matches!(card.solution, Solution::Tariff(_) | Solution::Article(_));
        let known = !order_words::order_lines(self.record).is_empty();
        ProblemWithControl {
            tariff: (!tariff_lines.is_empty()).then(|| self.build_tariff_control(&card, &tariff_lines)),
            articles: article_lines
                .iter()
                .take(MOST_LINES)
                .map(|line| self.build_article_control(line))
                .collect(),
            doubt: (card.solution == Solution::InDoubt).then(|| self.build_doubt_control()).flatten(),
            book_rest: card.solution == Solution::BookRest,
            undo: (card.solution == Solution::Undo).then(|| self.build_undo_control()),
            is_chosen: chooses && known && tariff_lines.is_empty() && article_lines.is_empty(),
            more_lines: tariff_lines.len().max(article_lines.len()).saturating_sub(MOST_LINES),
            card,
        }
    }

    fn lines_at(&self, places: &[usize]) -> Vec<&LineFacts> {
        let lines = order_words::order_lines(self.record);
        places.iter().filter_map(|place| lines.get(*place)).collect()
    }

    fn find_refused_form(&self, action: &str, is_it: impl Fn(&Form) -> bool) -> Option<&RefusedForm<'_>> {
        self.refused_form.filter(|sent| sent.action == action && is_it(sent.form))
    }

    fn build_tariff_control(&self, card: &ProblemCard, lines: &[&LineFacts]) -> TariffControl {
        let id = card.code.as_str();
        let sent = self.find_refused_form("choose", |form| form.field_value("card") == Some(id));
        let typed = sent.and_then(|sent| sent.form.field_value("tariff"));
        let tariffs = self.catalogue.tariffs.answer().map(Vec::as_slice).unwrap_or_default();
        let tariffs = tariffs.iter().take(MOST_TARIFFS).map(|tariff| {
            let percentage = tariff.percentage.normalize().to_string();
            let name = order_words::shorten_text(&tariff.name);
            let values = [("name", name.as_str()), ("percentage", &percentage), ("id", tariff.id.as_str())];
            ControlOption {
                value: tariff.id.to_string(),
                text: self.page.fill_text("order.tariff", &values),
                chosen: typed == Some(tariff.id.as_str()),
            }
        });
        let lines = lines.iter().take(MOST_LINES).map(|line| ControlOption {
            value: line.id.to_string(),
            text: order_words::line_name(line, self.page),
            chosen: sent.is_none_or(|sent| sent.form.has_field(&format!("line:{}", line.id))),
        });
        TariffControl {
            id: id.to_owned(),
            tariffs: tariffs.collect(),
            silent: self.catalogue.tariffs.is_silent(),
            lines: lines.collect(),
            fault: sent.and_then(RefusedForm::fault_text),
        }
    }

    fn build_article_control(&self, line: &LineFacts) -> ArticleControl {
        let sent = self
            .find_refused_form("choose", |form| form.field_as_typed("article_of") == Some(line.id.as_str()));
        let (find, typed) = match sent {
            Some(sent) => (sent.form.field_value("find"), sent.form.field_value("article")),
            None => (article_search_text(self.visit, &line.id), None),
        };
        let answer = self.catalogue.articles.answer().filter(|_| find.is_some());
        let found = answer.map(|(articles, _)| {
            let found = articles.iter().map(|article| {
                let name = |text: &Option<String>| {
                    text.as_deref().map(order_words::shorten_text).unwrap_or_default()
                };
                let text = format!("{} {}", name(&article.number), name(&article.name));
                FoundArticleOption {
                    choice: ControlOption {
                        value: article.id.to_string(),
                        text: text.trim().to_owned(),
                        chosen: typed == Some(article.id.as_str()),
                    },
                    href: self.visit.deps.robaws_link(RobawsRecord::Article, article.id.as_str()),
                }
            });
            found.collect()
        });
        let place = order_words::order_lines(self.record).iter().position(|known| known.id == line.id);
        ArticleControl {
            id: place.unwrap_or_default().to_string(),
            line: line.id.to_string(),
            name: order_words::line_name(line, self.page),
            find: find.unwrap_or_default().to_owned(),
            is_cut: answer.is_some_and(|(articles, is_cut)| *is_cut || articles.len() >= MOST_ARTICLES),
            silent: find.is_some() && self.catalogue.articles.is_silent(),
            found,
            fault: sent.and_then(RefusedForm::fault_text),
        }
    }

    fn build_doubt_control(&self) -> Option<DoubtControl> {
        let row = self.record.ledger.find_row_in_doubt()?;
        let sent = self.find_refused_form("settle", |form| form.field_value("as") == Some("done"));
        let known = row.robaws_id.as_ref().map(DocumentId::as_str);
        let typed = sent.map(|sent| sent.form.field_value("robaws_id").unwrap_or_default());
        Some(DoubtControl {
            effect: order_words::effect_text(row, self.visit.language),
            hint: match &row.effect {
                RowEffect::StockChange { .. } => "order.document_hint_stock",
                RowEffect::Invoice { .. } | RowEffect::CreditNote { .. } | RowEffect::DeleteDraft { .. } => {
                    "order.document_hint_invoice"
                }
            },
            typed: typed.or(known).unwrap_or_default().to_owned(),
            fault: sent.and_then(RefusedForm::fault_text),
        })
    }

    /// Offers only what fits the invoice as the ledger knows it: a booked one can be credited, a draft can be deleted.
    fn build_undo_control(&self) -> UndoControl {
        let sent = self.find_refused_form("settle", |form| form.field_value("as") == Some("undo"));
        let typed = |name: &str| sent.and_then(|sent| sent.form.field_value(name));
        let choices = |name: &str, offered: &[(&str, &'static str)]| {
            let choice = |(value, key): &(&str, &'static str)| ControlOption {
                value: (*value).to_owned(),
                text: self.page.text_for(key).to_owned(),
                chosen: typed(name) == Some(value),
            };
            offered.iter().map(choice).collect()
        };
        let is_booked = self.record.ledger.find_invoice().is_some_and(|(_, invoice)| invoice.booked);
        let undone =
            if is_booked { ("credit", "order.credit") } else { ("delete_draft", "order.delete_draft") };
        let stock_is_out = !BookedStock::from_ledger(&self.record.ledger).is_empty();
        let stock: &[(&str, &'static str)] = if stock_is_out {
            &[("return", "order.return_stock"), ("keep", "order.keep_stock")]
        } else {
            &[]
        };
        UndoControl {
            invoice: choices("invoice", &[undone, ("keep", "order.keep_invoice")]),
            stock: choices("stock", stock),
            fault: sent.and_then(RefusedForm::fault_text),
        }
    }
}

/// The text of the query that searches an article for this line.
pub fn article_search_text<'a>(visit: &'a Visit<'_>, line: &LineId) -> Option<&'a str> {
    let is_this = visit.request.query_parameter("line") == Some(line.as_str());
    let find = visit.request.query_parameter("find").map(str::trim);
    find.filter(|text| is_this && !text.is_empty())
}
