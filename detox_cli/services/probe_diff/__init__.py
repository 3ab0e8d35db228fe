"""``detox probe diff``: what changed from one model to another, by tensor, layer and neuron."""
