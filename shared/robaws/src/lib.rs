//! Client of the Robaws API. One file per resource; [`wire`] holds every assumption about request and answer bodies.

pub mod articles;
pub mod error;
pub mod invoices;
pub mod obstacles;
pub mod pacing;
pub mod parties;
pub mod stock;
pub mod tasks;
pub mod transport;
pub mod vat_tariffs;
pub mod webhooks;
pub mod wire;

pub use articles::{ArticleList, ArticleListPage, FoundArticle, Namesakes};
pub use error::Error;
pub use pacing::{Limits, Pacer};
pub use parties::FoundClients;
pub use stock::DocumentListPage;
pub use transport::{Client, Credentials};
pub use wire::{
    Invoice, NamedItem, NewTask, ShownInvoiceLine, StockChange, StockChangeLine, WebhookEndpoint,
};
