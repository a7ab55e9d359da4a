"""Measures the product's own triage, search, drafts and checks on labelled posts."""
