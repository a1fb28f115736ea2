"""The differences between Hydra 1.3 and 1.4; no other module knows which one is installed."""

import re
from collections.abc import Sequence
from typing import Any

import hydra
import hydra.utils

VERSION = tuple(int(part) for part in re.findall(r"\d+", hydra.__version__)[:2])

LOCKED = hasattr(hydra.utils, "UNSAFE_DISABLE_EXECUTION_CHECKS")
"""Whether this Hydra wants to be told what a config may name (1.4); without an answer it warns at each object."""

BASE: dict[str, Any] = {} if VERSION >= (1, 4) else {"version_base": "1.3"}
"""Arguments of ``initialize_config_dir``: 1.4 has one behaviour, and warns of ``version_base``."""

APP: dict[str, Any] = BASE | ({"execution_whitelist": hydra.utils.UNSAFE_DISABLE_EXECUTION_CHECKS} if LOCKED else {})
"""Arguments of ``hydra.main``: the configs of ``train`` and ``sweep`` are the user's own."""

RESULTS = ("torch.nn.*",)
"""What a trusted factory may return: modules can be called, and what can be called is checked, too."""


def allowing(names: Sequence[str] | None) -> dict[str, Any]:
    """Arguments of ``instantiate`` by which the objects and packages ``names`` may be built; None: everything may."""
    if not LOCKED:
        return {}
    if names is None:
        return {"_execution_whitelist_": hydra.utils.UNSAFE_DISABLE_EXECUTION_CHECKS}
    return {"_execution_whitelist_": [*names, *(f"{name}.*" for name in names), *RESULTS]}
