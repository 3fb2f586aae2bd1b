"""Measures a backend of unitls against its peers; see README.md."""
