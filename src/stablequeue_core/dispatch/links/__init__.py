"""The link to one server: what it has, how it feels, what runs there."""
