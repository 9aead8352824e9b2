"""Jobs and messages, over a genuine Redis and ZeroMQ."""
