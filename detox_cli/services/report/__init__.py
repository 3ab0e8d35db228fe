"""Pages for eyes: one HTML file with everything in it, no script, nothing fetched from anywhere."""
