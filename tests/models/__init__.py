"""Tests of `brubeck.models`."""
