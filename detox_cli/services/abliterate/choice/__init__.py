"""Choosing what to remove: candidates tried without generating, and a search from the best of them."""
