"""One module a log format: from a line of a log to what it tells (app/blocklog/event.py). None of them keeps a file or
asks a database, and none raises for what somebody outside may write."""
