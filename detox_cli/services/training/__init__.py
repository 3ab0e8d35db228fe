"""What every training of this package does alike, whatever it trains: see `recipe` for where to begin."""
