"""From the JSON that Civitai answers to records; nothing in it can fail."""
