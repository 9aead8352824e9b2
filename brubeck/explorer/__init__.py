"""The explorer: HTML pages of streams, their items and the program, for people with a browser."""
