"""``detox eval compare``: systems against each other, row by row."""
