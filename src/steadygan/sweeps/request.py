"""What a command asks of a launch beside the config: sweepers and launchers find it in the task that Hydra hands on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadygan.common.errors import UserError
from steadygan.config.node import Config


@dataclass(frozen=True)
class Request:
    """A launch.

    Attributes:
        command: as the user gave it, kept with the sweep.
        question: that the sweep answers.
        jobs: for ``hydra/sweeper=again``: the overrides of each job.
        expected: the signatures that runs have to have which are to go on; none: any.
        search: what is searched and how, by key; kept with the sweep.
        folders: that were named for runs, by signature; None: of a run whose signature nobody has written down.
    """

    command: str = ""
    question: str = ""
    jobs: Sequence[Sequence[str]] = ()
    expected: frozenset[str] = frozenset()
    search: Config = field(default_factory=dict)
    folders: Mapping[str | None, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, task: object) -> "Request":
        """Return the request that comes with a task of Hydra; an empty one where it is none of ours."""
        return getattr(task, "request", cls())

    def check_expected(self, signatures: Iterable[str]) -> None:
        """Compare the signatures of runs that are launched again with those that they had.

        Raises:
            UserError: there are others.
        """
        launched = dict.fromkeys(signatures)
        other = [signed for signed in launched if signed not in self.expected]
        if self.expected and other:
            raise UserError(
                f"{len(other)} of {len(launched)} runs would have another signature than before "
                f"({', '.join(other[:3])}): their data or weights have changed, or this version of steadygan means "
                "something else by their config\n"
                "To begin new runs with them as they are, say any KEY=VALUE that changes the result"
            )
