"""Self-detoxification chains: what a prompt becomes for a model that first says whether it is toxic.

A `ChainRecord` holds what the stages found out about one prompt, a `ChainTemplate` says how that is written
down, `serialise` writes it, `parse` reads what a model wrote, and `encode` gives token ids and labels.
"""
