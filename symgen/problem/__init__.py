"""What is to be solved, and the contracts of what solves it."""
