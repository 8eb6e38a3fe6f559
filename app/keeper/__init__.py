"""The keeper: one process per host that holds authenticated IMAP connections and lends them to the workers.

`lend`, `pool`, `upstream`, `watch` run inside it; `lease` is the workers' side; `supervisor` starts it and starts it
again. It is an optimisation, never a dependency: without it a worker logs in by itself.
"""
