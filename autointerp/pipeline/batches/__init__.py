"""Runs that ask through batches: requests are collected, handed in, looked after and read, by any worker."""
