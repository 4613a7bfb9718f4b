"""From what somebody names to a download, and what becomes of its file."""
