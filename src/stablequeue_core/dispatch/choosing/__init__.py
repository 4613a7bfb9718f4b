"""Which job a server takes next."""
