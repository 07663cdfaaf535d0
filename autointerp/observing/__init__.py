"""What people and their tools see of a running service: log lines, traces and the numbers of one process."""
