"""What a person keeps beside their mail, in SQL: settings, identities, contacts and the people they wrote to."""
