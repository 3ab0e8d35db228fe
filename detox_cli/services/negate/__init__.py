"""``detox negate``: a model without what toxic experts have learnt."""
