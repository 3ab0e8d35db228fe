"""``detox abliterate``: needed? -> measure -> choose -> write -> verify."""
