"""Consumers: what follows from every change."""
