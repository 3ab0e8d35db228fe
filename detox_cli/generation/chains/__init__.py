"""Asking a model for chains: what is asked, and what its answers say."""
