"""Serving: listening, watching over several processes, and stopping them together."""
