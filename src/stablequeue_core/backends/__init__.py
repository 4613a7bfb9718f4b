"""The seam: who makes pictures."""
