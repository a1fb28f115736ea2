"""A logger of one's own: the scores as lines of text, in the folder of the run."""


class Lines:
    """Writes ``scores.txt``. A call that fails is said once and ends the logging, not the run."""

    def open(self, job):
        """The run begins, or goes on; ``job`` is a ``steadygan.runs.job.Job``."""
        self.path = job.directory / "scores.txt"

    def row(self, row):
        """A row of metrics.csv: keys and numbers."""
        scores = [
            f"{key.removeprefix('metric/')} {value:.4g}" for key, value in row.items() if key.startswith("metric/")
        ]
        if scores:
            with self.path.open("a") as file:
                file.write(f"{row['iteration']}: {', '.join(scores)}\n")

    def picture(self, iteration, name, path):
        """A PNG file that was just written."""

    def close(self, summary):
        """The run has ended; ``summary`` is what summary.json holds."""
