"""What the API shows of each noun, apart from how it is stored."""
