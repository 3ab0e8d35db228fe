"""Rows in and out, pairs, splits that do not leak."""
