"""What a user may set, one class per command; nothing heavier than pydantic."""
