"""Pages of the documentation that have tests of their own."""
