"""``hydra/sweeper=again``: jobs that are given one by one, each with what the command line says of all of them."""

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn

from hydra_plugins.steadygan.grid import GridSweeper, combinations


class AgainSweeper(GridSweeper):
    """Every job with every combination of the values that the command line sweeps."""

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch all jobs."""
        assert self.hydra_context is not None  # since ``setup``
        assert self.launcher is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        jobs = self.request.jobs or [()]  # without --from: what the command line says, as hydra/sweeper=grid
        found = [job for overrides in jobs for job in combinations(parser.parse_overrides([*overrides, *arguments]))]
        return [self.launcher.launch(found, initial_job_idx=0)]
