"""What is allowed, denied, delayed: the rules and settings that mail servers obey, and who changed them."""
