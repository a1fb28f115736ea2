"""One run: state, step, loop, callbacks."""
