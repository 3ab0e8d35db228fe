"""``detox generate``: continuations or rewrites for a file of prompts."""
