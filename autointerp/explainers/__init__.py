"""What says when a feature fires, one file each."""
