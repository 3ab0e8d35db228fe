"""``detox eval generation``: continuations of prompts, their scores, and what these say."""
