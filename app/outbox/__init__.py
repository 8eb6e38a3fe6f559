"""The outbox: one SQL row for each mail that is on its way. The mail itself lies in the account's own mailbox."""
