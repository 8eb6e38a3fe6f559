"""The log's pages: what was refused, delayed and accepted, where somebody's mail is, and mail that is expected."""
