"""Digests: what was stopped, by mail, daily or weekly, with links that ask before they do anything."""
