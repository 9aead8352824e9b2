"""Clients that keep a copy of a stream: in Python, and in a browser."""
