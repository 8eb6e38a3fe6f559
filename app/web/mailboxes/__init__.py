"""The folder pane beside every list and message, all folders on one page, and undo of what was moved between them."""
