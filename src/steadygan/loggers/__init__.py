"""Where a run's rows and pictures go besides its own files: W&B, TensorBoard, CSV, nowhere."""
