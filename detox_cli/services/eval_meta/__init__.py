"""``detox eval rewrite --meta``: how far a suite agrees with people."""
