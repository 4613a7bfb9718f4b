"""How a model is said, and what a server calls it: decided by lists, without asking anybody."""
