"""One behaviour, over every connection."""
