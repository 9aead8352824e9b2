"""Monitoring: what operators see of a program."""
