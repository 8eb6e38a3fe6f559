"""The command lines of an operator: what looks over a node, and what they load only when asked for."""
