"""What an edit did to a model: looked up in the written files, and measured beside the base."""
