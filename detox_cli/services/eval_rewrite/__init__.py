"""``detox eval rewrite``: style, similarity, fluency and J of rewriting systems."""
