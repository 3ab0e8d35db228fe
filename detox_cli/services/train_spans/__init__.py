"""``detox train spans``: train a detector of toxic spans on texts in which people have marked them."""
