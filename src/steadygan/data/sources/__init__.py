"""Images as they lie on disk, one format a file: which there are, what they are of, and their bytes.

Nothing here imports torch: worker processes that decode images start in a tenth of a second.
"""
