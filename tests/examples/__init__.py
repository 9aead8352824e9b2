"""The examples, run as their first lines say, and talked to."""
