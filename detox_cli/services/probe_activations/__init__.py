"""``detox probe activations``: statistics of all neurons, and what tuning changed in them."""
