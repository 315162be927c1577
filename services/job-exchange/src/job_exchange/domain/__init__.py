"""What job-exchange decides, as pure functions."""
