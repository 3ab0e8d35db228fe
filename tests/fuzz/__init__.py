"""Every reader of what a user or a stranger gives, against input that nobody meant."""
