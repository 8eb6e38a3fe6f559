"""What becomes of a message that is sent: the outbox and its page, undo, later, sending on, what was delivered."""
