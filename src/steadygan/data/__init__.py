"""Data sets, and how their examples are kept and dealt."""
