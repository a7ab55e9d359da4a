"""Luister: citizens' posts in the team's chat, a cautious suggestion, one provable reply."""

__version__ = "0.1.0"
