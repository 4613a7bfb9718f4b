"""Whole folders: what has changed in them since the last time, and who looks after that."""
