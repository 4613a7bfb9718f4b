"""Speaks with Civitai: what a file is, how a picture was made, where a model can be had."""
