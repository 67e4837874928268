//! What Robaws should hold for an order now, what is missing, and why something can't be done: [`plan`].

use crate::catalogue::{ArticleAnswer, Catalogue, Missing, VatTariff};
use crate::ids::{ArticleId, Sku, StockLocationId};
use crate::invoice::{self, Goods, InvoicePlan};
use crate::ledger::{
    ArticleChoice, Direction, KeptDraft, Ledger, LookRefusal, OrderState, StockItem, StockKey,
};
use crate::money::Cents;
use crate::order::{Change, Order, OrderFacts, OrderLine, OrderStatus, Unreadable};
use crate::problem::{Arg, Args, Holds, Problem, ProblemCode, WaitsFor, args};
use crate::settings::Settings;
use crate::stock::{Booked, Wanted, stock_effects};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing to do in Robaws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A stock change out, or in: the reversal.
    StockChange {
        /// Which way.
        direction: Direction,
        /// Where.
        stock_location_id: StockLocationId,
        /// What.
        items: Vec<StockItem>,
    },
    /// The invoice, to be frozen and made.
    Invoice(Box<InvoicePlan>),
    /// The invoice whose header stands is finished as frozen; row number.
    FinishInvoice(u32),
}

/// A sentence of an explanation: code and arguments of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Key of the text.
    pub code: String,
    /// Its arguments.
    pub args: Args,
}

impl Sentence {
    /// Without arguments.
    pub fn plain(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            args: Args::new(),
        }
    }
}

/// What follows from one look at an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is missing in Robaws, in the order in which to do it.
    pub effects: Vec<Effect>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// State of the order.
    pub state: OrderState,
    /// Why it is in this state.
    pub explanation: Vec<Sentence>,
    /// Answers of Robaws that the catalogue lacks; while it is not empty nothing of this plan may be carried out.
    pub missing: Missing,
    /// Nothing more follows unless the order changes.
    pub is_final: bool,
}

impl Plan {
    fn still(state: OrderState, explanation: Sentence) -> Self {
        Self {
            effects: Vec::new(),
            problems: Vec::new(),
            state,
            explanation: vec![explanation],
            missing: Missing::default(),
            is_final: false,
        }
    }

    fn finished(mut self) -> Self {
        self.is_final = true;
        self
    }

    fn with(mut self, problem: Problem) -> Self {
        self.problems.push(problem);
        self
    }

    /// What it waits for at Robaws, when nothing but that can move it.
    pub fn waits_for(&self) -> Vec<WaitsFor> {
        if !self.effects.is_empty() {
            return Vec::new();
        }
        let mut keys: Vec<WaitsFor> = self
            .problems
            .iter()
            .flat_map(|p| p.waits_for.iter().cloned())
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// What Robaws should hold for this order and does not: a pure function of the order now, the ledger now, what is known of
/// articles and tariffs, and the settings.
pub fn plan(order: &Order, ledger: &Ledger, catalogue: &Catalogue, settings: &Settings) -> Plan {
    if order.placed_at < settings.go_live && ledger.rows.is_empty() {
        return before_go_live(settings);
    }
    if let Some(plan) = handled(ledger, Some(order)) {
        return plan;
    }
    if let Some(plan) = unsettled(ledger, &order.reference()) {
        return plan;
    }
    if ledger.invoice().is_some() {
        return after_invoice(order, ledger);
    }
    match &order.status {
        OrderStatus::Unknown(word) => blocked_entirely(Problem::new(
            ProblemCode::OrderStatusUnknown,
            Holds::Everything,
            args([
                ("order", order.reference().into()),
                ("status", word.as_str().into()),
            ]),
        )),
        OrderStatus::Cancelled => cancelled(ledger),
        OrderStatus::Open | OrderStatus::Shipped => live(order, ledger, catalogue, settings),
    }
}

/// The plan for an order that could not be read: nothing, but an invoice whose header stands is finished as frozen.
pub fn plan_unreadable(order: &Unreadable, ledger: &Ledger, settings: &Settings) -> Plan {
    if order.placed_at.is_some_and(|at| at < settings.go_live) && ledger.rows.is_empty() {
        return before_go_live(settings);
    }
    let reference = crate::order::reference(order.external_identifier.as_deref(), &order.identifier);
    let problem = Problem::new(
        ProblemCode::OrderUnreadable,
        Holds::Everything,
        args([
            ("order", reference.clone().into()),
            ("field", order.field.as_str().into()),
            ("value", order.value.as_str().into()),
        ]),
    );
    without_order(ledger, &reference, problem)
}

/// The plan for an order that ProductFlow answers 404 for.
pub fn plan_gone(reference: &str, ledger: &Ledger) -> Plan {
    let problem = Problem::new(
        ProblemCode::OrderGone,
        Holds::Everything,
        args([("order", reference.into())]),
    );
    without_order(ledger, reference, problem)
}

fn without_order(ledger: &Ledger, reference: &str, mut problem: Problem) -> Plan {
    if let Some(plan) = handled(ledger, None) {
        return plan;
    }
    if let Some(plan) = unsettled(ledger, reference) {
        return plan;
    }
    if ledger.invoice().is_some() {
        let mut plan = invoiced(ledger, reference, &[]);
        // After the invoice only a change that can be read counts; an order that vanished is none.
        if problem.code == ProblemCode::OrderUnreadable {
            problem.holds = Holds::Nothing;
            plan.problems.push(problem);
        }
        return plan;
    }
    blocked_entirely(problem)
}

fn before_go_live(settings: &Settings) -> Plan {
    let sentence = Sentence {
        code: "skipped_before_go_live".to_owned(),
        args: args([("go_live", Arg::Time(settings.go_live))]),
    };
    Plan::still(OrderState::Skipped, sentence).finished()
}

fn blocked_entirely(problem: Problem) -> Plan {
    Plan::still(OrderState::Blocked, Sentence::plain("blocked")).with(problem)
}

/// Closed as handled: final, and a conflict if it changed since.
fn handled(ledger: &Ledger, order: Option<&Order>) -> Option<Plan> {
    let handled = ledger.handled.as_ref()?;
    let changes = match (&handled.facts, order) {
        (Some(was), Some(order)) => {
            let now = OrderFacts::of(order);
            let mut changes = was.changes(&now);
            // An order that ships, or gets a usual status again, is no change of what was done by hand; one that
            // comes back after its cancellation is, and one that opens again after its invoice too.
            if !was.cancelled && ledger.invoice().is_none() {
                changes.retain(|c| *c != Change::Reopened);
            }
            changes
        }
        _ => Vec::new(),
    };
    if changes.is_empty() {
        let sentence = Sentence {
            code: "settled".to_owned(),
            args: args([("at", Arg::Time(handled.at))]),
        };
        return Some(Plan::still(OrderState::Skipped, sentence).finished());
    }
    let reference = order.map_or_else(|| ledger.identifier.to_string(), Order::reference);
    let problem = Problem::new(
        ProblemCode::ChangedAfterHandled,
        Holds::Everything,
        args([("order", reference.into()), ("changes", Arg::Changes(changes))]),
    );
    Some(Plan::still(OrderState::Conflict, Sentence::plain("conflict_handled")).with(problem))
}

/// Rows whose end is not known come before anything else, whatever the order says now.
fn unsettled(ledger: &Ledger, reference: &str) -> Option<Plan> {
    if let Some(row) = ledger.in_doubt() {
        let problem = Problem::new(
            ProblemCode::EffectInDoubt,
            Holds::Everything,
            args([
                ("order", reference.into()),
                ("at", Arg::Time(row.first_attempt_at.unwrap_or(row.at))),
                ("effect", Arg::Effect(effect_name(&row.effect).to_owned())),
                ("reference", row.reference.as_str().into()),
            ]),
        );
        return Some(Plan::still(OrderState::InDoubt, Sentence::plain("in_doubt")).with(problem));
    }
    ledger
        .unsettled()
        .map(|_| Plan::still(OrderState::Waiting, Sentence::plain("settling")))
}

/// The name of an effect in the texts and in the API's kinds.
pub fn effect_name(effect: &crate::ledger::RowEffect) -> &'static str {
    match effect {
        crate::ledger::RowEffect::StockChange {
            direction: Direction::Out,
            ..
        } => "stock_change_out",
        crate::ledger::RowEffect::StockChange {
            direction: Direction::In,
            ..
        } => "stock_change_in",
        crate::ledger::RowEffect::Invoice { .. } => "invoice",
    }
}

fn after_invoice(order: &Order, ledger: &Ledger) -> Plan {
    let now = OrderFacts::of(order);
    let mut changes = ledger
        .invoiced_facts
        .as_ref()
        .map(|was| was.changes(&now))
        .unwrap_or_default();
    // A later unknown status is no change; neither is what a marketplace does to it meanwhile beyond lines and amounts.
    if matches!(order.status, OrderStatus::Unknown(_)) {
        changes.retain(|c| !matches!(c, Change::Cancelled | Change::Reopened));
    }
    let mut plan = invoiced(ledger, &order.reference(), &changes);
    if let OrderStatus::Unknown(word) = &order.status {
        plan.problems.push(Problem::new(
            ProblemCode::OrderStatusUnknown,
            Holds::Nothing,
            args([
                ("order", order.reference().into()),
                ("status", word.as_str().into()),
            ]),
        ));
    }
    plan
}

/// The invoice's header stands: it is finished as frozen, and what changed is the merchant's to settle.
fn invoiced(ledger: &Ledger, reference: &str, changes: &[Change]) -> Plan {
    let Some((row, progress)) = ledger.invoice() else {
        return Plan::still(OrderState::Waiting, Sentence::plain("waiting"));
    };
    let number = progress
        .number
        .clone()
        .map_or_else(|| Arg::Phrase("no_draft_number".to_owned()), Arg::Text);
    let mut problems = Vec::new();
    if changes.contains(&Change::Cancelled) {
        let args = args([("order", reference.into()), ("invoice", number.clone())]);
        problems.push(Problem::new(
            ProblemCode::CancelledAfterInvoice,
            Holds::Nothing,
            args,
        ));
    } else if !changes.is_empty() {
        let args = args([
            ("order", reference.into()),
            ("invoice", number.clone()),
            ("changes", Arg::Changes(changes.to_vec())),
        ]);
        problems.push(Problem::new(
            ProblemCode::ChangedAfterInvoice,
            Holds::Nothing,
            args,
        ));
    }
    let in_conflict = !problems.is_empty();
    let total = match &row.effect {
        crate::ledger::RowEffect::Invoice { total, .. } => *total,
        crate::ledger::RowEffect::StockChange { .. } => Cents::ZERO,
    };
    if let Some(found) = progress.mismatch {
        let args = args([
            ("order", reference.into()),
            ("invoice", number),
            ("expected", Arg::Amount(total)),
            ("found", Arg::Amount(found)),
        ]);
        problems.push(Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, args));
    }
    if progress.business && !progress.business_settled {
        problems.push(buyer_is_business(reference));
    }
    let refused = ledger.look.iter().find_map(|refusal| match refusal {
        LookRefusal::Invoice { reason } => {
            Some(refused_problem("invoice", reference, reason, Holds::Invoice))
        }
        LookRefusal::Together | LookRefusal::Item { .. } | LookRefusal::SettingGone { .. } => None,
    });
    let unfinished = ledger
        .unfinished_invoice()
        .map(|row| row.no)
        .filter(|_| refused.is_none());
    let is_refused = refused.is_some();
    problems.extend(refused);
    let (state, code) = match (in_conflict, progress.mismatch, unfinished) {
        (true, ..) => (OrderState::Conflict, "conflict"),
        _ if is_refused => (OrderState::Blocked, "blocked"),
        (_, Some(_), _) => (OrderState::Blocked, "blocked"),
        (_, None, Some(_)) => (OrderState::Waiting, "waiting"),
        (_, None, None) => (OrderState::Invoiced, invoiced_sentence(progress)),
    };
    let mut explanation = vec![Sentence::plain(code)];
    explanation.extend(choices_made(ledger));
    let is_final = state == OrderState::Invoiced && problems.is_empty();
    let effects = unfinished.map(Effect::FinishInvoice).into_iter().collect();
    Plan {
        effects,
        problems,
        state,
        explanation,
        missing: Missing::default(),
        is_final,
    }
}

fn invoiced_sentence(progress: &crate::ledger::InvoiceProgress) -> &'static str {
    match (progress.booked, progress.business, progress.kept_draft) {
        (true, ..) => "invoiced_booked",
        (false, true, _) => "invoiced_draft_business",
        (false, _, Some(KeptDraft::EarlierMonth)) => "invoiced_draft_late",
        (false, ..) => "invoiced_draft",
    }
}

fn buyer_is_business(reference: &str) -> Problem {
    // The VAT number stands in the remark of the invoice; of the buyer nothing is stored here.
    let args = args([
        ("order", reference.into()),
        ("vat_number", Arg::Phrase("on_the_invoice".to_owned())),
    ]);
    Problem::new(ProblemCode::BuyerIsBusiness, Holds::Nothing, args)
}

/// Cancelled, no invoice: nothing may be out.
fn cancelled(ledger: &Ledger) -> Plan {
    let booked = Booked::of(ledger);
    let wanted = BTreeMap::new();
    let (effects, problems) = stock_effects(&booked, &wanted, ledger);
    if !problems.is_empty() {
        let mut plan = Plan::still(OrderState::Blocked, Sentence::plain("blocked"));
        plan.effects = effects;
        plan.problems = problems;
        return plan;
    }
    if !effects.is_empty() {
        let mut plan = Plan::still(OrderState::Waiting, Sentence::plain("waiting"));
        plan.effects = effects;
        return plan;
    }
    if ledger.has_bookings() {
        Plan::still(OrderState::Reversed, Sentence::plain("reversed")).finished()
    } else {
        Plan::still(OrderState::Skipped, Sentence::plain("skipped_cancelled")).finished()
    }
}

/// How a line finds its article.
enum LineArticle {
    Found {
        id: ArticleId,
        stock_article: bool,
    },
    /// The merchant chose to invoice it without one.
    None,
    /// A problem, or an answer that is still missing.
    Trouble,
}

/// Collects what is wrong, one problem per code with all its lines.
#[derive(Default)]
struct Troubles {
    not_found: Vec<(String, Option<Sku>, WaitsFor)>,
    invalid: Vec<(String, Option<Sku>, WaitsFor)>,
    not_unique: Vec<(String, Option<Sku>, WaitsFor)>,
    without_number: Vec<String>,
    vat_missing: Vec<(String, Option<Sku>)>,
    vat_not_inclusive: Vec<(String, Option<Sku>)>,
    vat_not_found: Vec<Problem>,
    missing: Missing,
}

fn line_name(line: &OrderLine) -> String {
    let number = line.sku.as_ref().map_or_else(|| line.id.as_str(), Sku::as_str);
    if line.title.is_empty() || line.title == number {
        format!("{number} ({}×)", line.quantity)
    } else {
        format!("{number} {} ({}×)", line.title, line.quantity)
    }
}

impl Troubles {
    fn article(&mut self, line: &OrderLine, ledger: &Ledger, catalogue: &Catalogue) -> LineArticle {
        match ledger.choice(&line.id).and_then(|c| c.article.as_ref()) {
            Some(ArticleChoice::None) => return LineArticle::None,
            Some(ArticleChoice::Article(id)) => return self.chosen(line, id, catalogue),
            None => {}
        }
        let Some(sku) = &line.sku else {
            self.without_number.push(line_name(line));
            return LineArticle::Trouble;
        };
        let entry = || (sku.to_string(), Some(sku.clone()), WaitsFor::Article(sku.clone()));
        match catalogue.articles.get(sku) {
            Some(ArticleAnswer::Found(article)) => LineArticle::Found {
                id: article.id.clone(),
                stock_article: article.stock_article,
            },
            Some(ArticleAnswer::NotUnique) => {
                self.not_unique.push(entry());
                LineArticle::Trouble
            }
            Some(ArticleAnswer::NotFound) if sku.is_addressable() => {
                self.not_found.push(entry());
                LineArticle::Trouble
            }
            Some(ArticleAnswer::NotFound) => {
                self.invalid.push(entry());
                LineArticle::Trouble
            }
            None => {
                self.missing.articles.insert(sku.clone());
                LineArticle::Trouble
            }
        }
    }

    fn chosen(&mut self, line: &OrderLine, id: &ArticleId, catalogue: &Catalogue) -> LineArticle {
        match catalogue.articles_by_id.get(id) {
            Some(Some(article)) if article.live => LineArticle::Found {
                id: article.id.clone(),
                stock_article: article.stock_article,
            },
            Some(_) => {
                self.not_found
                    .push((id.to_string(), line.sku.clone(), WaitsFor::ArticleId(id.clone())));
                LineArticle::Trouble
            }
            None => {
                self.missing.articles_by_id.insert(id.clone());
                LineArticle::Trouble
            }
        }
    }

    fn tariff(&mut self, line: &OrderLine, ledger: &Ledger, catalogue: &Catalogue) -> Option<VatTariff> {
        let chosen = ledger.choice(&line.id).and_then(|c| c.vat_tariff_id.as_ref());
        let Some(code) = chosen.or(line.vat_code.as_ref()) else {
            self.vat_missing.push((line_name(line), line.sku.clone()));
            return None;
        };
        let Some(tariffs) = &catalogue.tariffs else {
            self.missing.tariffs = true;
            return None;
        };
        match tariffs.get(code) {
            Some(tariff) if tariff.vat_inclusive => Some(tariff.clone()),
            Some(tariff) => {
                self.vat_not_inclusive
                    .push((format!("{} ({})", tariff.name, tariff.id), line.sku.clone()));
                None
            }
            None => {
                let name = line
                    .sku
                    .as_ref()
                    .map_or_else(|| line.title.clone(), Sku::to_string);
                let mut problem = Problem::new(
                    ProblemCode::VatTariffNotFound,
                    Holds::Invoice,
                    args([("0", name.into()), ("1", code.as_str().into())]),
                );
                problem.skus.extend(line.sku.clone());
                problem.waits_for.push(WaitsFor::Tariffs);
                self.vat_not_found.push(problem);
                None
            }
        }
    }

    fn problems(self, order: &Order) -> (Vec<Problem>, Missing) {
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
            let mut problem = Problem::new(code, Holds::Lines, args([("articles", Arg::List(list))]));
            problem.skus = entries.iter().filter_map(|(_, sku, _)| sku.clone()).collect();
            problem.waits_for = entries.into_iter().map(|(.., key)| key).collect();
            problems.push(problem);
        }
        if !self.without_number.is_empty() {
            problems.push(Problem::new(
                ProblemCode::LineWithoutArticleNumber,
                Holds::Lines,
                args([
                    ("order", order.reference().into()),
                    ("lines", Arg::List(self.without_number)),
                ]),
            ));
        }
        if !self.vat_missing.is_empty() {
            let (lines, skus): (Vec<_>, Vec<_>) = self.vat_missing.into_iter().unzip();
            let mut problem = Problem::new(
                ProblemCode::VatCodeMissing,
                Holds::Invoice,
                args([("lines", Arg::List(lines))]),
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
                args([("tariffs", Arg::List(tariffs))]),
            );
            problem.skus = skus.into_iter().flatten().collect();
            problem.waits_for.push(WaitsFor::Tariffs);
            problems.push(problem);
        }
        problems.extend(self.vat_not_found);
        (problems, self.missing)
    }
}

/// What a setting names does not exist in Robaws any more.
pub(crate) fn setting_gone(setting: &str, value: &str) -> Problem {
    let args = args([
        ("setting", Arg::Setting(setting.to_owned())),
        ("value", value.into()),
    ]);
    Problem::new(ProblemCode::SettingGone, Holds::Invoice, args)
}

/// Open or shipped, no invoice yet: every line's quantity is out, and when shipped there is one invoice.
fn live(order: &Order, ledger: &Ledger, catalogue: &Catalogue, settings: &Settings) -> Plan {
    let connection = &settings.connection;
    let mut troubles = Troubles::default();
    let mut wanted: BTreeMap<StockKey, Wanted> = BTreeMap::new();
    let mut goods = Vec::new();
    let mut own_problems = Vec::new();
    for line in &order.lines {
        let article = troubles.article(line, ledger, catalogue);
        let location = if line.fbm {
            &connection.fbm_stock_location_id
        } else {
            &connection.stock_location_id
        };
        want_stock(&mut wanted, line, ledger, &article, location.as_ref());
        let tariff = troubles.tariff(line, ledger, catalogue);
        let article_id = match article {
            LineArticle::Found { id, .. } => Some(id),
            LineArticle::None | LineArticle::Trouble => None,
        };
        if let Some(tariff) = tariff {
            goods.push(Goods {
                line: line.id.clone(),
                sku: line.sku.clone(),
                title: line.title.clone(),
                quantity: line.quantity,
                price: line.price,
                tariff,
                article_id,
            });
        }
    }
    if connection.stock_location_id.is_none() {
        let mut problem = setting_gone("stock_location_id", "–");
        problem.holds = Holds::Lines;
        own_problems.push(problem);
    }
    own_problems.extend(invoice_problems(
        order,
        catalogue,
        settings,
        &mut troubles.missing,
    ));
    let booked = Booked::of(ledger);
    let (stock, refused) = stock_effects(&booked, &wanted, ledger);
    let (mut problems, missing) = troubles.problems(order);
    problems.extend(own_problems);
    problems.extend(refused);
    problems.extend(ledger.look.iter().filter_map(|refusal| match refusal {
        LookRefusal::Invoice { reason } => Some(refused_problem(
            "invoice",
            &order.reference(),
            reason,
            Holds::Invoice,
        )),
        LookRefusal::SettingGone { setting, value } if !setting.ends_with("stock_location_id") => {
            Some(setting_gone(setting, value))
        }
        LookRefusal::Together | LookRefusal::Item { .. } | LookRefusal::SettingGone { .. } => None,
    }));
    // Named by the order here, since the stock rules know no order.
    for problem in &mut problems {
        if problem.code == ProblemCode::RobawsRefused {
            problem.args.insert("order".to_owned(), order.reference().into());
        }
    }
    let held = problems.iter().map(|p| p.holds).max().unwrap_or(Holds::Nothing);
    let mut effects = stock;
    let stock_pending = !effects.is_empty();
    if order.status == OrderStatus::Shipped
        && held == Holds::Nothing
        && missing.is_empty()
        && let Some(invoice) = invoice_plan(order, ledger, &goods, settings)
    {
        effects.push(Effect::Invoice(Box::new(invoice)));
    }
    let anything_out = !booked.is_empty();
    let (state, code) = if held > Holds::Nothing {
        let code = match (held, anything_out) {
            (Holds::Invoice, true) => "blocked_invoice",
            (_, true) => "blocked_partly",
            (_, false) => "blocked",
        };
        (OrderState::Blocked, code)
    } else if !effects.is_empty() {
        (OrderState::Waiting, "waiting")
    } else if anything_out {
        (OrderState::Booked, "booked")
    } else if order.lines.iter().all(|l| l.fbm) {
        (OrderState::Waiting, "booked_fbm")
    } else {
        (OrderState::Waiting, "waiting_open")
    };
    debug_assert!(!stock_pending || state != OrderState::Booked);
    let mut explanation = vec![Sentence::plain(code)];
    explanation.extend(choices_made(ledger));
    Plan {
        effects,
        problems,
        state,
        explanation,
        missing,
        is_final: false,
    }
}

fn want_stock(
    wanted: &mut BTreeMap<StockKey, Wanted>,
    line: &OrderLine,
    ledger: &Ledger,
    article: &LineArticle,
    location: Option<&StockLocationId>,
) {
    let chosen = ledger.choice(&line.id).and_then(|c| c.article.as_ref());
    let key = match (chosen, &line.sku) {
        (Some(ArticleChoice::None), _) | (None, None) => return,
        (Some(ArticleChoice::Article(id)), _) => StockKey::Chosen {
            line: line.id.clone(),
            article_id: id.clone(),
            fbm: line.fbm,
        },
        (None, Some(sku)) => StockKey::Sku {
            sku: sku.clone(),
            fbm: line.fbm,
        },
    };
    let entry = wanted.entry(key).or_insert_with(|| Wanted {
        sku: line.sku.clone(),
        ..Wanted::default()
    });
    entry.quantity = entry.quantity.saturating_add(u64::from(line.quantity));
    if let (
        LineArticle::Found {
            id,
            stock_article: true,
        },
        Some(location),
    ) = (article, location)
    {
        entry.bookable = Some((id.clone(), location.clone()));
    }
}

/// What is wrong with the invoice beyond its lines: looked for from the first look on, before anything ships.
fn invoice_problems(
    order: &Order,
    catalogue: &Catalogue,
    settings: &Settings,
    missing: &mut Missing,
) -> Vec<Problem> {
    let connection = &settings.connection;
    let reference = order.reference();
    let mut problems = Vec::new();
    if order.currency != "EUR" {
        let args = args([
            ("order", reference.as_str().into()),
            ("currency", order.currency.as_str().into()),
        ]);
        problems.push(Problem::new(
            ProblemCode::CurrencyNotSupported,
            Holds::Invoice,
            args,
        ));
    }
    if let (Some(expected), Some(found)) = (order.total, order.computed_total())
        && expected != found
    {
        let args = args([
            ("order", reference.as_str().into()),
            ("expected", Arg::Amount(expected)),
            ("found", Arg::Amount(found)),
        ]);
        problems.push(Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, args));
    }
    if connection.b2c_client_id.is_none() {
        problems.push(setting_gone("b2c_client_id", "–"));
    }
    let costs = &order.costs;
    let has_costs = [costs.shipping, costs.transaction, costs.additional]
        .iter()
        .any(|c| *c != Cents::ZERO);
    if let Some(tariff) = connection.costs_vat_tariff_id.as_ref().filter(|_| has_costs) {
        match &catalogue.tariffs {
            None => missing.tariffs = true,
            Some(tariffs) if tariffs.get(tariff).is_some_and(|t| t.vat_inclusive) => {}
            Some(_) => {
                let mut problem = setting_gone("costs_vat_tariff_id", tariff.as_str());
                problem.waits_for.push(WaitsFor::Tariffs);
                problems.push(problem);
            }
        }
    }
    if order.business.is_some() {
        problems.push(buyer_is_business(&reference));
    }
    problems
}

fn invoice_plan(order: &Order, ledger: &Ledger, goods: &[Goods], settings: &Settings) -> Option<InvoicePlan> {
    let connection = &settings.connection;
    let lines = invoice::lines(
        goods,
        &order.costs,
        connection.costs_vat_tariff_id.as_ref(),
        settings.language,
    );
    let total = order.computed_total()?;
    // All or nothing: an invoice that would not come to the order's total is never begun.
    if goods.len() != order.lines.len()
        || lines.iter().map(invoice::InvoiceLine::total).sum::<Cents>() != total
    {
        return None;
    }
    Some(InvoicePlan {
        client_id: connection.b2c_client_id.clone()?,
        company_id: connection.robaws_company_id.clone(),
        payment_condition_id: connection.payment_condition_id.clone(),
        reference: order.reference(),
        identifier: order.identifier.clone(),
        external_identifier: order.external_identifier.clone(),
        marketplace: order.marketplace.clone(),
        country: order.country.clone(),
        business: order.business.clone(),
        shipped_at: order.shipped_at.or(ledger.first_shipped_at),
        lines,
        total,
        book: connection.book_invoices,
        language: settings.language,
    })
}

/// Robaws answered 4xx to an effect.
pub(crate) fn refused_problem(effect: &str, reference: &str, reason: &str, holds: Holds) -> Problem {
    Problem::new(
        ProblemCode::RobawsRefused,
        holds,
        args([
            ("order", reference.into()),
            ("effect", Arg::Effect(effect.to_owned())),
            ("reason", reason.into()),
        ]),
    )
}

fn choices_made(ledger: &Ledger) -> impl Iterator<Item = Sentence> {
    ledger.choices.iter().flat_map(|choice| {
        let line: Arg = choice.line.as_str().into();
        let tariff = choice.vat_tariff_id.as_ref().map(|id| Sentence {
            code: "choice_tariff".to_owned(),
            args: args([("line", line.clone()), ("tariff", id.as_str().into())]),
        });
        let article = choice.article.as_ref().map(|article| match article {
            ArticleChoice::Article(id) => Sentence {
                code: "choice_article".to_owned(),
                args: args([("line", line.clone()), ("article", id.as_str().into())]),
            },
            ArticleChoice::None => Sentence {
                code: "choice_no_article".to_owned(),
                args: args([("line", line.clone())]),
            },
        });
        [tariff, article].into_iter().flatten()
    })
}
