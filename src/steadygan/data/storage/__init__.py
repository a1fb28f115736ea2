"""Images of files, decoded once and kept on disk."""
