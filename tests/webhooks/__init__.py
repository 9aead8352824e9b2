"""Webhooks: the changes of streams, sent to subscribers."""
