"""What a worker serves with: WSGI around the pages, static files, compression, log and figures.

Knows no page, no account and nothing of the other rooms.
"""
