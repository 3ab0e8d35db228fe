"""``detox eval calibrate``: a scorer against human labels, per language."""
