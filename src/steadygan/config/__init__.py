"""From yaml to objects: targets, checks, building."""
