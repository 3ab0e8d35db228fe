"""``detox probe intervene``: change value vectors or a direction, and measure what that does."""
