"""A subject with features of every kind, planted by hand, for measuring what scores see and what they are blind to."""
