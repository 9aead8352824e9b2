"""A stream of real earthquakes."""
