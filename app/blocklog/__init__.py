"""What the mail servers refused, delayed and accepted: read from their logs into SQL, and asked for by pages."""
