"""What measures how far an explanation holds, one file each."""
