"""Methods of the user's own, tried once on a few examples before anything is trained or written.

steadygan's own methods are left out: its tests have tried them, and a large network takes its time.
"""
