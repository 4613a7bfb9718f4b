"""Pictures on Civitai: how they were made, and which of their models are here."""
