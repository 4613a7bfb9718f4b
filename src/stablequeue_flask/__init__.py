"""StableQueue over HTTP: the core, mounted as ``/api/v1`` of a Flask application."""
