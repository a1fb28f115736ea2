"""Imports run downward only."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "steadygan"

LAYERS = [
    {"errors", "signals", "pace"},
    {"hydra_versions", "paths", "files", "targets", "typed", "threshold", "progress", "statistics"},
    {"locks", "trust"},
    {"run_config"},
    {"core"},
    {"metrics", "data", "networks", "theory", "pictures", "loggers"},
    {"engines"},
    {"report", "sweeps"},
    {"network_keys"},
    {"build"},
    {"run_data"},
    {"train", "loading", "doctor"},
    {"studies"},
    {"commands"},
    {"cli", "reference"},
    {"__main__", "__init__"},  # the package's own file only forwards, when asked
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HYDRA = {"hydra_versions", "build", "train", "commands", "cli"}


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


FILES = sorted(SOURCE.rglob("*.py"))


def test_files_are_found():
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_downward(path):
    own = part(path)
    assert own in LEVEL, f"{own} belongs to no layer"
    for name in imports(path):
        pieces = name.split(".")
        if pieces[0] == "steadygan" and len(pieces) > 1 and pieces[1] in LEVEL and pieces[1] != own:
            assert LEVEL[pieces[1]] < LEVEL[own], f"{own} imports {name}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_libraries_stay_in_their_layers(path):
    own, used = part(path), {name.split(".")[0] for name in imports(path)}
    if own not in HYDRA and path.name not in ("compose.py", "origin.py", "overrides.py"):
        assert not used & {"hydra"}, "only the top layer and the launchers know Hydra"
    if own == "core":
        assert not used & {"lightning", "omegaconf", "wandb", "numpy"}, "the core is torch only"
    if own in {"report", "errors", "paths", "files", "targets", "trust", "run_config"}:
        assert not used & {"torch", "lightning"}, "reading a sweep needs no torch"
    if own == "statistics":
        assert used <= {"collections", "dataclasses", "functools", "numpy", "scipy", "steadygan"}, (
            "arrays in, numbers out"
        )


@pytest.mark.parametrize("path", sorted((SOURCE / "core").rglob("*.py")), ids=lambda path: path.name)
def test_the_core_holds_no_modules_and_no_global_randomness(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("nn.Module", "torch.nn.Module", "torch.manual_seed", "torch.seed")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.randn", "torch.rand", "torch.randint"):
            assert "generator" in {keyword.arg for keyword in node.keywords}, f"{path}: a draw without a generator"
