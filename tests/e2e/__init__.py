"""Runs the product as its users do."""
