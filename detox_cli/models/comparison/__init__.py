"""Two loaded models of one shape: what of their weights and of their residual streams differs."""
