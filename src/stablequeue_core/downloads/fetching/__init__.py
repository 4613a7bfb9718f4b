"""One file, brought into its place: asked for, received, proved, given its name."""
