"""The site's own way to change a mail password: one back-end a file, behind one interface. Knows no other room."""
