"""What a model computes on prompts, as statistics of its residual stream."""
