"""The vocabulary of making a picture: pure values, no I/O."""
