"""The tests: stories, contracts, recorded payloads, real parts."""
