"""What a model would predict at each of its layers."""
