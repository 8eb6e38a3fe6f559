"""The courier: sends the mails of the outbox, files them, removes their drafts. What the web asks of it is post.py."""
