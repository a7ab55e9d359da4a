"""Labelled posts, and what is learned from them."""
