"""Prompts in: the published prompt sets, each with its own columns and traps, and plain files."""
