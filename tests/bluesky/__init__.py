"""Luister against a real Bluesky network on this machine: `make test-bluesky`."""
