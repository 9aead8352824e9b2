"""Tests of `brubeck.auth`."""
