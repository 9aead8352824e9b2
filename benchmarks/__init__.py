"""Measurements beside what others use, in one run and as ratios: ``make bench``."""
