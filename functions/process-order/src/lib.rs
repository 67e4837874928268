//! Carries out in Robaws what an order asks for.
