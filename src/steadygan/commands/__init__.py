"""The commands, one a file: the module ``NAME.py`` has a click command ``command``, which is ``steadygan NAME``.

Every module is imported for the list of commands, so what is slow to import is imported inside the functions.
What the commands need lies in the folders.
"""
