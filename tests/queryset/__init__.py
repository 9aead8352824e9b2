"""Querysets: the four calls of 0.4."""
