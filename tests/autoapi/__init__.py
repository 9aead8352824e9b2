"""AutoAPI, on every storage."""
