"""The files of runs: signature, summary, checkpoints, locks, provenance."""
