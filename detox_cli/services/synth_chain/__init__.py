"""``detox synth chain``: prompts become self-detoxification chains, one stage after the other."""
