"""What administrators of a site, and those of the provider, see and do. Nobody else finds anything here."""
