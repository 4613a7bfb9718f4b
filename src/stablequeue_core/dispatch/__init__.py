"""Which job runs where, and what happens to it on the way."""
