"""What the tables of all rooms are declared with. No table lies here."""
