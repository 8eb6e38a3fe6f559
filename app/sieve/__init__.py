"""Sieve: scripts and their rules, to the byte, and ManageSieve, by which they reach a mail server. Knows no web."""
