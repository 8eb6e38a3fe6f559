"""Whom mail servers let in, shut out and do not delay, and what they do with spam: for a person, a site, everybody."""
