"""The seam: who remembers."""
