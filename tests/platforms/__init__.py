"""Platforms: one contract for all of them, and what only one of them has."""
