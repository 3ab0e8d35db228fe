"""``detox train bart``: a sequence-to-sequence rewriter, trained on pairs."""
