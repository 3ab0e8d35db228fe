"""Work over a Ray cluster: cut into shares, done by actors, given back as it gets ready."""
