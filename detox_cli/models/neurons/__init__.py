"""Value vectors of MLPs, their coefficients while a model reads, and changes to them."""
