"""One model file at a time: what it is, what lies beside it, what its hashes are."""
