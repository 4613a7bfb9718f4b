"""The lanes of all servers: who holds them, and when they look for work."""
