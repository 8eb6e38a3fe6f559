"""Moving in: what people kept in the webmail that they had before."""
