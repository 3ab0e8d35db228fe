"""The two sets of prompts that a direction is the difference of: read, filtered by behaviour, and split."""
