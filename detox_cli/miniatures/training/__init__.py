"""Scripts that train the bundled models from public data; needed only to rebuild them."""
