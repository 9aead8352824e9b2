"""Templates: the engines, the rules they share, the handlers."""
