"""Formats of the documents that we manage in part, by the name that a client's role uses for them."""
