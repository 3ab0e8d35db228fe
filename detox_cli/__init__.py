"""Detoxify language models: write neutral data, train on it, measure it, look inside."""

__version__ = "0.1.0"
