"""Where each family keeps what: blocks, residual writers, value matrices, embeddings, heads."""
