"""What answers a scorer's questions, one file each: a language model, an embedding model, shared words."""
