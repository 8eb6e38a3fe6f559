"""While somebody is away, or reads elsewhere: the answer that their mail gets, and where it is forwarded to."""
