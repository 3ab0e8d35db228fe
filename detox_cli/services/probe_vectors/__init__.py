"""``detox probe vectors``: which value vectors lie along a probe, and what they say."""
