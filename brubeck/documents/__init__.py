"""Documents and records over a record stream: read, walked, and changed by compare and swap."""
