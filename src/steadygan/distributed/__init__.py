"""One run on several processes, each with its slice of the global batch.

Nothing is imported here: a process that is being started can be signalled before it has imported torch.
"""
