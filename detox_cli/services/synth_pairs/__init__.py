"""``detox synth pairs``: neutral versions of toxic sentences, written by an LLM."""
