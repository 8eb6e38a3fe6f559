"""Mail from the site to its people: digests, and announcements of what changed about their account."""
