"""Model names: every way to say one, resolved to a server's own."""
