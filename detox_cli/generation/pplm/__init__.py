"""Continuations that are steered by a probe while they are written: plug and play language models."""
