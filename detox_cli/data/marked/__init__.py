"""Texts in which people, or a service, have marked the toxic parts; `read` has the published formats."""
