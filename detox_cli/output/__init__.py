"""Everything for eyes: progress, tables, errors."""
