"""What somebody chooses for their writing: identities, preferences, texts."""
