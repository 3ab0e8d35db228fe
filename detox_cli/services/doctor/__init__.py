"""``detox doctor``: what is installed, reachable and writable, and what to do about the rest."""
