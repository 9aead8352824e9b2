"""Attacks on a program from outside: unbounded work, and access past the guards."""
