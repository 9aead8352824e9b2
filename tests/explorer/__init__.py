"""Tests of the explorer: the HTML pages that people meet."""
