"""Checkpoints as files: headers, numbers, tiles; edited shard by shard without loading a model. No torch."""
