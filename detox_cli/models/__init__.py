"""Model folders and Hub ids: finding, loading, anatomy."""
