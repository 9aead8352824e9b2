"""Clients that were not written here, against real servers."""
