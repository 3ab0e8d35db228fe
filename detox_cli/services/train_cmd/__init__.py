"""``detox train cmd``: a language model learns to write self-detoxification chains."""
