"""Filters: the rules of an account's Sieve script, as a list, as a form for each, and as text."""
