"""What every part uses: errors, paths, signals, progress."""
