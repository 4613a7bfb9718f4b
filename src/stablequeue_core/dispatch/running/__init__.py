"""One job's journey on one server, and what follows when it fails."""
