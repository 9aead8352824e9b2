"""Tests of documents: each file has the name of what it tests."""
