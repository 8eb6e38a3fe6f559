"""A message being written, as its form holds it: fields, text, files, recipients, and what speaks against it."""
