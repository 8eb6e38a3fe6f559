"""Writing mail: the page of a message from its beginning to its last save, and what other tabs know of it."""
