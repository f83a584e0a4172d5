"""To come."""
CASES = []
