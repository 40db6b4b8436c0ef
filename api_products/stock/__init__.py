"""Stock: the ledger, reservations and their reconciliation."""
