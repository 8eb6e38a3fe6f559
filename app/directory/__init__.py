"""The directory: who may sign in, and on which mail server their mail lies.

One SQL statement leads from what a person typed to their account.
Pages know only `account.py` and `resolve.py` of this room.
"""
