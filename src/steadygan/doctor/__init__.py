"""Checks of this machine, each with the command that repairs what is missing."""
