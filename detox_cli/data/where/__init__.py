"""Rules over the columns of a row: ``toxicity >= 0.8 and lang in ('en', 'de')``; see `parse`."""
