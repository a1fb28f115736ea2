"""Imports run downward only."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "steadygan"

LAYERS = [
    {"common.errors", "common.signals", "common.pace", "config.node", "config.renamed"},
    {"common", "statistics"},
    {"config.targets", "config.__init__"},
    {"runs"},
    {"figures"},
    {"config"},
    {"core"},
    {"runs.signature", "config.check"},
    {"data", "theory"},
    {"metrics", "networks", "pictures", "loggers", "analysis.oscillation", "analysis.__init__"},
    {"config.protocols"},
    {"runs.checkpoint", "runs.checkpoint_manager", "runs.summary", "runs.success_criterion", "training", "population"}
    | {"distributed", "config.trials", "analysis.linearised"},
    {"report", "sweeps"},
    {"config.network_keys", "config.instantiation"},
    {"config.composition"},
    {"config.building"},
    {"runs.run_data", "runs.trained_gan", "sweeps.planning", "sweeps.executing", "sweeps.tuned"},
    {"train", "runs.loading", "doctor"},
    {"analysis.studies"},
    {"commands"},
    {"cli"},
    {"__main__", "__init__"},  # the package's own file only forwards, when asked
]
"""From the bottom to the top; a module that is named by itself is in no layer of its package."""
RUN = next(names for names in LAYERS if "training" in names)
"""What makes up a run: these may import one another."""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HYDRA = {
    *("config.composition", "config.hydra_errors", "config.hydra_versions", "config.instantiation"),
    *("train", "commands", "cli"),
}


def layer(name: str) -> str | None:
    """Return what stands in LAYERS for a module, named without the package in front."""
    pieces = name.split(".")
    return next((found for end in (2, 1) if (found := ".".join(pieces[:end])) in LEVEL), None)


def module(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(SOURCE.rglob("*.py"))


def test_files_are_found():
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_downward(path):
    own = layer(module(path))
    assert own is not None, f"{path} belongs to no layer"
    for name in imports(path):
        other = layer(name.removeprefix("steadygan.")) if name.startswith("steadygan.") else None
        if other not in (own, None) and own != "__init__":
            beside = {own, other} <= RUN
            assert LEVEL[other] < LEVEL[own] or beside, f"{own} imports {name}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_libraries_stay_in_their_layers(path):
    own, used = layer(module(path)), {name.split(".")[0] for name in imports(path)}
    if not {own, module(path)} & HYDRA and path.name not in ("compose.py", "origin.py", "overrides.py", "space.py"):
        assert not used & {"hydra"}, "only the top layer and the launchers know Hydra"
    if own == "core":
        assert not used & {"lightning", "omegaconf", "wandb", "numpy"}, "the core is torch only"
    if own in {"report", "common.errors", "common", "config", "runs"}:
        assert not used & {"torch", "lightning"}, "reading a sweep needs no torch"
    if own == "statistics":
        standard = {"collections", "dataclasses", "functools", "itertools", "typing"}
        assert used <= standard | {"numpy", "scipy", "steadygan"}, "arrays in, numbers out"


@pytest.mark.parametrize("path", sorted((SOURCE / "core").rglob("*.py")), ids=lambda path: path.name)
def test_the_core_holds_no_modules_and_no_global_randomness(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("nn.Module", "torch.nn.Module", "torch.manual_seed", "torch.seed")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.randn", "torch.rand", "torch.randint"):
            assert "generator" in {keyword.arg for keyword in node.keywords}, f"{path}: a draw without a generator"
