//! Client of the Robaws API.
