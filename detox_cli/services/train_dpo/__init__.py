"""``detox train dpo``."""
