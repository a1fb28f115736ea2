"""A multirun: its jobs, who runs them, and how they stand."""
