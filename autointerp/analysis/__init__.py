"""Numbers from trials: pure functions of numpy arrays and frozen records."""
