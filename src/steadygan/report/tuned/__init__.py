"""The report of a tuned comparison."""
