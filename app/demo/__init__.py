"""What `make run` starts when nothing is configured: mail servers, Redis, accounts and messages to look at.

The tests start their servers from here too. Nothing in the application imports this package.
"""
