"""Preferences: a prompt with a continuation to prefer and one to avoid, in every published form."""
