"""``--from RUN``: the jobs of a folder again, with changes on top."""
