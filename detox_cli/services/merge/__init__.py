"""``detox merge``: recipe -> models -> plan -> shards -> folder."""
