"""Linear probes: a direction of the hidden states along which texts of two kinds lie apart."""
