"""Lets Hydra find the sweep files, without taking ``--config-dir`` or ``hydra.searchpath`` from the user."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from steadygan.common.paths import sweeps_dir


class SweepsPath(SearchPathPlugin):
    """Registered in this process alone: other Hydra apps do not see our sweeps."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folder of the sweeps."""
        if sweeps_dir().is_dir():
            search_path.append("steadygan", f"file://{sweeps_dir()}")
