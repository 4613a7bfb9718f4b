"""StableQueue: a durable queue of image jobs for Stable Diffusion WebUI Forge servers."""
