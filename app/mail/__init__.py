"""IMAP, MIME and SMTP: reading and writing mail on a server.

Knows nothing of browsers, SQL or Redis. Every IMAP command leaves through `wire.encode`, every answer comes in
through `response.Responses`; whatever goes wrong is one of `errors.MailError`.
"""
