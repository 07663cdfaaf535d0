"""The stages of the work, one file each, for the demo, the command line, the API and the worker alike."""
