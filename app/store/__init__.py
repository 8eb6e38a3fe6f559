"""Redis: sessions, caches, throttles, notices. No key holds an address or a name that somebody typed."""
