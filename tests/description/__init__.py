"""Descriptions against what happens: whole programs, asked whatever their descriptions allow."""
