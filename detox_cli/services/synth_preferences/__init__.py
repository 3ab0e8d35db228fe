"""``detox synth preferences``: a model's own continuations, the harmless one beside the toxic one."""
