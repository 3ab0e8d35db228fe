"""Intervals and tests for reported numbers."""
