"""How toxic, how similar, how fluent: scorers behind one protocol."""
