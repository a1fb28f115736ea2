"""Closed forms: what theory says, to compare with what is measured."""
