"""Networks of both players: a module a family, of which every constructor takes the ``shape`` of one example.

What their keys mean stands beside the values, in ``conf/network/``; one that cannot be is a ``UserError``.
"""
