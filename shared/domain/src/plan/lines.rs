//! Finds the Robaws article and the VAT tariff of each line of an order, and collects the problems with both.

use crate::catalogue::{ArticleAnswer, Catalogue, MissingAnswers, VatTariff};
use crate::ids::{ArticleId, Sku};
use crate::ledger::{ArticleChoice, Ledger};
use crate::order::{Order, OrderLine};
use crate::problem::{Arg, Holds, Problem, ProblemCode, WaitsFor, build_args};

/// The article of a line.
pub(super) enum LineArticle {
    Found {
        id: ArticleId,
        stock_article: bool,
    },
    /// The merchant chose to invoice the line without an article.
    None,
    /// The article has a problem, or an answer of Robaws is missing.
    NotKnown,
}

/// Collects the problems of all lines. Lines with the same problem become one problem that names all of them.
#[derive(Default)]
pub(super) struct LineProblems {
    not_found: Vec<(String, Option<Sku>, WaitsFor)>,
    invalid: Vec<(String, Option<Sku>, WaitsFor)>,
    not_unique: Vec<(String, Option<Sku>, WaitsFor)>,
    without_number: Vec<String>,
    vat_missing: Vec<(String, Option<Sku>)>,
    vat_not_inclusive: Vec<(String, Option<Sku>)>,
    vat_not_found: Vec<Problem>,
    pub(super) missing: MissingAnswers,
}

/// Name of a line for people, for example `A-1 Drill (2×)`.
pub(super) fn format_line_name(line: &OrderLine) -> String {
    let number = line.sku.as_ref().map_or_else(|| line.id.as_str(), Sku::as_str);
    if line.title.is_empty() || line.title == number {
        format!("{number} ({}×)", line.quantity)
    } else {
        format!("{number} {} ({}×)", line.title, line.quantity)
    }
}

impl LineProblems {
    pub(super) fn find_article(
        &mut self,
        line: &OrderLine,
        ledger: &Ledger,
        catalogue: &Catalogue,
    ) -> LineArticle {
        match ledger.find_choice(&line.id).and_then(|c| c.article.as_ref()) {
            Some(ArticleChoice::None) => return LineArticle::None,
            Some(ArticleChoice::Article(id)) => return self.find_chosen_article(line, id, catalogue),
            None => {}
        }
        let Some(sku) = &line.sku else {
            self.without_number.push(format_line_name(line));
            return LineArticle::NotKnown;
        };
        let entry = || (sku.to_string(), Some(sku.clone()), WaitsFor::Article(sku.clone()));
        match catalogue.articles.get(sku) {
            Some(ArticleAnswer::Found(article)) => {
                LineArticle::Found { id: article.id.clone(), stock_article: article.stock_article }
            }
            Some(ArticleAnswer::NotUnique) => {
                self.not_unique.push(entry());
                LineArticle::NotKnown
            }
            Some(ArticleAnswer::NotFound) if sku.is_addressable() => {
                self.not_found.push(entry());
                LineArticle::NotKnown
            }
            Some(ArticleAnswer::NotFound) => {
                self.invalid.push(entry());
                LineArticle::NotKnown
            }
            None => {
                self.missing.articles.insert(sku.clone());
                LineArticle::NotKnown
            }
        }
    }

    fn find_chosen_article(
        &mut self,
        line: &OrderLine,
        id: &ArticleId,
        catalogue: &Catalogue,
    ) -> LineArticle {
        match catalogue.articles_by_id.get(id) {
            Some(Some(article)) if article.live => {
                LineArticle::Found { id: article.id.clone(), stock_article: article.stock_article }
            }
            Some(_) => {
                self.not_found.push((id.to_string(), line.sku.clone(), WaitsFor::ArticleId(id.clone())));
                LineArticle::NotKnown
            }
            None => {
                self.missing.articles_by_id.insert(id.clone());
                LineArticle::NotKnown
            }
        }
    }

    pub(super) fn find_tariff(
        &mut self,
        line: &OrderLine,
        ledger: &Ledger,
        catalogue: &Catalogue,
    ) -> Option<VatTariff> {
        let chosen = ledger.find_choice(&line.id).and_then(|c| c.vat_tariff_id.as_ref());
        let Some(code) = chosen.or(line.vat_code.as_ref()) else {
            self.vat_missing.push((format_line_name(line), line.sku.clone()));
            return None;
        };
        let Some(tariffs) = &catalogue.tariffs else {
            self.missing.tariffs = true;
            return None;
        };
        match tariffs.get(code) {
            Some(tariff) if tariff.vat_inclusive => Some(tariff.clone()),
            Some(tariff) => {
                self.vat_not_inclusive.push((format!("{} ({})", tariff.name, tariff.id), line.sku.clone()));
                None
            }
            None => {
                let name = line.sku.as_ref().map_or_else(|| line.title.clone(), Sku::to_string);
                let mut problem = Problem::new(
                    ProblemCode::VatTariffNotFound,
                    Holds::Invoice,
                    build_args([("0", name.into()), ("1", code.as_str().into())]),
                );
                problem.skus.extend(line.sku.clone());
                problem.waits_for.push(WaitsFor::Tariffs);
                self.vat_not_found.push(problem);
                None
            }
        }
    }

    pub(super) fn into_problems(self, order: &Order) -> (Vec<Problem>, MissingAnswers) {
        let mut problems = Vec::new();
        let articles = [
            (ProblemCode::ArticleNotFound, self.not_found),
            (ProblemCode::ArticleNotUnique, self.not_unique),
            (ProblemCode::ArticleNumberInvalid, self.invalid),
        ];
        for (code, mut entries) in articles {
            entries.sort();
            entries.dedup();
            if entries.is_empty() {
                continue;
            }
            let list = entries.iter().map(|(name, ..)| name.clone()).collect();
            let mut problem = Problem::new(code, Holds::Lines, build_args([("articles", Arg::List(list))]));
            problem.skus = entries.iter().filter_map(|(_, sku, _)| sku.clone()).collect();
            problem.waits_for = entries.into_iter().map(|(.., key)| key).collect();
            problems.push(problem);
        }
        if !self.without_number.is_empty() {
            problems.push(Problem::new(
                ProblemCode::LineWithoutArticleNumber,
                Holds::Lines,
                build_args([("order", order.reference().into()), ("lines", Arg::List(self.without_number))]),
            ));
        }
        if !self.vat_missing.is_empty() {
            let (lines, skus): (Vec<_>, Vec<_>) = self.vat_missing.into_iter().unzip();
            let mut problem = Problem::new(
                ProblemCode::VatCodeMissing,
                Holds::Invoice,
                build_args([("lines", Arg::List(lines))]),
            );
            problem.skus = skus.into_iter().flatten().collect();
            problems.push(problem);
        }
        if !self.vat_not_inclusive.is_empty() {
            let (mut tariffs, skus): (Vec<_>, Vec<_>) = self.vat_not_inclusive.into_iter().unzip();
            tariffs.sort();
            tariffs.dedup();
            let mut problem = Problem::new(
                ProblemCode::VatNotInclusive,
                Holds::Invoice,
                build_args([("tariffs", Arg::List(tariffs))]),
            );
            problem.skus = skus.into_iter().flatten().collect();
            problem.waits_for.push(WaitsFor::Tariffs);
            problems.push(problem);
        }
        problems.extend(self.vat_not_found);
        (problems, self.missing)
    }
}

/// The problem that Robaws has no record with the id that a setting holds.
pub(crate) fn setting_gone_problem(setting: &str, value: &str) -> Problem {
    let args = build_args([("setting", Arg::Setting(setting.to_owned())), ("value", value.into())]);
    Problem::new(ProblemCode::SettingGone, Holds::Invoice, args)
}
