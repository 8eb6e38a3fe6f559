"""Reading mail: the list of a mailbox, a message with its frame, files and source, and what is done to messages."""
