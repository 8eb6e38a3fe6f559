"""Redis: sessions, caches, throttles, notices. Keys only from hashes or from account ids, values only JSON."""
