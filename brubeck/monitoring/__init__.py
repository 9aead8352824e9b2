"""Monitoring a program: request ids, logs, health, metrics, traces, blocked threads."""
