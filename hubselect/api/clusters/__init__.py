"""Clusters composed: made, kept up to date, and models placed beside them."""
