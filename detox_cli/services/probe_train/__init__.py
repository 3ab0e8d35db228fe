"""``detox probe train``: linear probes on a model's hidden states."""
