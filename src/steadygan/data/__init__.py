"""Data sets, and how their examples are kept and dealt.

What their keys mean stands beside the values, in ``conf/dataset/``.
"""
