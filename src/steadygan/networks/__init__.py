"""Networks of both players."""
