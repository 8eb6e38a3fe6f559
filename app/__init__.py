"""Postern, a webmail for providers that run their own mail servers.

This module stays empty so that importing a room of the program (say `app.mail`) never loads Flask.
"""
