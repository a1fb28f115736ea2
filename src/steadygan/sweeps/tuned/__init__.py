"""The tuned comparison: search, selection and final runs of each method, on seeds of their own."""
