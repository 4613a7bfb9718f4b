"""Our own model files: which versions at Civitai they are, and what is written beside them."""
