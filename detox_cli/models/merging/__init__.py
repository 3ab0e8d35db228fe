"""Merging models: every method a pure function over aligned blocks of numbers, and the streams around it."""
