//! Connects the demo shop.

use domain::settings::ConnectionSettings;
use domain::{ClientId, ConnectionId, StockLocationId};
use jiff::Timestamp;
use local::Stack;
use simulators::demo;

/// A connection of this ProductFlow company, which this token reaches; orders placed from `go_live` on are booked.
pub(crate) async fn connect(
    stack: &Stack,
    id: &str,
    company: (u64, &str),
    go_live: Timestamp,
) -> ConnectionId {
    let settings = ConnectionSettings {
        b2c_client_id: Some(ClientId::parse(demo::B2C_CLIENT).unwrap()),
        stock_location_id: Some(StockLocationId::parse(demo::STOCK_LOCATION).unwrap()),
        ..ConnectionSettings::default()
    };
    let login = (demo::ROBAWS_KEY, demo::ROBAWS_SECRET);
    stack.create_active_connection(id, login, company, settings, go_live).await.unwrap()
}
