"""The vendors' batch APIs: requests handed in together, answered within a day, at half the price."""
