//! The rules of the connector: what Robaws should hold for a ProductFlow order, and what is missing there.
//! This crate does no I/O, has no async code and knows neither AWS nor HTTP: values go in, values come out.
//!
//! Start reading at [`plan::plan_order`]. Each rule of the manual is one named item of this crate: a stock change
//! ([`plan::PlannedEffect::StockChange`]) and its reversal, the invoice ([`invoice`]), the order that arrives cancelled
//! ([`ledger::OrderState::Skipped`]), and the six errors ([`problem::ProblemCode`]). `docs/GLOSSARY.md` explains the words.

pub mod article;
pub mod catalogue;
pub mod ids;
pub mod invoice;
pub mod ledger;
pub mod locale;
pub mod money;
pub mod notification;
pub mod order;
pub mod plan;
pub mod problem;
pub mod rebuild;
pub mod reference;
pub mod settings;
pub mod stock;
pub mod text;
pub mod undo;

pub use catalogue::{Article, ArticleAnswer, Catalogue, VatTariff};
pub use ids::{
    ArticleId, ClientId, ConnectionId, DocumentId, LineId, OrderIdentifier, PaymentConditionId,
    ProductFlowCompanyId, RobawsCompanyId, Sku, StockLocationId, UserId, VatTariffId,
};
pub use ledger::{Ledger, OrderState};
pub use locale::Language;
pub use money::Cents;
pub use order::{Order, OrderLine, OrderStatus, UnreadableOrder};
pub use plan::{Plan, PlannedEffect, plan_order};
pub use problem::{Problem, ProblemCode};
pub use settings::{ConnectionSettings, Settings};
