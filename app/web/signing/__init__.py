"""Signing in and out, and where else one is signed in."""
