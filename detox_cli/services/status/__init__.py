"""What is at an output: finished, being made, or stopped on the way."""
