"""``detox probe predict-transfer``: from retrieval to what a detoxification may do in each language."""
