"""What is being explained: the subject model, its hook points and SAEs, the corpus, and changes to its features."""
