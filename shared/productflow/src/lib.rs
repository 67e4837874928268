//! Client of the ProductFlow API.
