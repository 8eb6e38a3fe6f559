"""`make bench`: what pages cost on real servers, in milliseconds, requests a second, IMAP commands and memory.

Run it as `python -m tests.bench`; docs/performance.md tells how to read the tables.
"""
