"""What makes long work safe: manifest, journal, atomic files, score cache."""
