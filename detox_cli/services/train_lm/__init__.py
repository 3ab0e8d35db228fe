"""``detox train lm``: tune a causal language model on texts, once or once for each of several parts."""
