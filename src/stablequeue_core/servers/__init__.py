"""The servers that make pictures: what they are, how they feel, what they have."""
