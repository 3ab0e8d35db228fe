"""``detox probe retrieval``: does a sentence lie nearest to its translation?"""
