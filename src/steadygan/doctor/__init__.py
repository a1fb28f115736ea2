"""What this machine has and what it lacks, each with the line that mends it."""
