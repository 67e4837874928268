//! Connections, the ledger and due work in DynamoDB; credentials in Secrets Manager.
