"""``detox train``: train a model that makes text or itself less toxic.

Each command is a module of its own, since its settings are what takes long to import.
"""
