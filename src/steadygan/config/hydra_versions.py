"""The differences between Hydra 1.3 and 1.4; no other module knows which one is installed."""

import re
from collections.abc import Sequence

import hydra
import hydra.utils

from steadygan.config.node import Node

VERSION = tuple(int(part) for part in re.findall(r"\d+", hydra.__version__)[:2])

UNLOCKED = getattr(hydra.utils, "UNSAFE_DISABLE_EXECUTION_CHECKS", None)
LOCKED = UNLOCKED is not None
"""Whether this Hydra wants to be told what a config may name (1.4); without an answer it warns at each object."""

BASE: Node = {} if VERSION >= (1, 4) else {"version_base": "1.3"}
"""Arguments of ``initialize_config_dir``: 1.4 has one behaviour, and warns of ``version_base``."""

APP: Node = BASE | ({"execution_whitelist": UNLOCKED} if LOCKED else {})
"""Arguments of ``hydra.main``: the configs of ``train`` and ``sweep`` are the user's own."""

RESULTS = ("torch.nn.*",)
"""What a trusted factory may return: modules can be called, and what can be called is checked, too."""


def allowing(names: Sequence[str] | None) -> Node:
    """Arguments of ``instantiate`` by which the objects and packages ``names`` may be built; None: everything may."""
    if not LOCKED:
        return {}
    if names is None:
        return {"_execution_whitelist_": UNLOCKED}
    return {"_execution_whitelist_": [*names, *(f"{name}.*" for name in names), *RESULTS]}
