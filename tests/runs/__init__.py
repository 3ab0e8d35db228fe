"""Journal, atomic outputs, caches, manifests."""
