"""Jobs: what was asked, how far it is, and every attempt at it."""
