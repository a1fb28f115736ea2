"""Slow checks: libraries that take long to import, and data sets."""

import os
from collections.abc import Iterator
from types import ModuleType

import yaml

from steadygan.common.errors import UserError, first_line
from steadygan.common.paths import conf_dir, data_dir
from steadygan.config.node import Node
from steadygan.doctor.finding import BROKEN, MISSING, OK, Check, Finding
from steadygan.doctor.machine import cores
from steadygan.runs.files import file_hash


def wandb() -> Finding:
    """Check the login; the server is not contacted."""
    from steadygan.loggers.service import logged_in

    if os.environ.get("WANDB_MODE") == "disabled":
        return Finding("W&B", OK, "switched off by WANDB_MODE=disabled; logger.mode=offline asks for it all the same")
    if logged_in():
        return Finding("W&B", OK, "logged in, or a key is set; online runs by logger.mode=online")
    return Finding(
        "W&B", MISSING, "no login; runs are kept offline, `steadygan sync DIR` sends them later", "wandb login"
    )


def torch() -> Iterator[Finding]:
    """It imports and computes; the devices; bfloat16."""
    try:
        import torch
    except Exception as error:
        yield Finding(
            "torch", BROKEN, f"cannot be imported: {first_line(error)}", "pip install --force-reinstall torch"
        )
        return
    threads = torch.get_num_threads()
    yield Finding("torch", OK, f"{torch.__version__}, {threads} of {cores()} cores; a run takes trainer.threads=1")
    yield _devices(torch)
    yield _bfloat16(torch)


def _devices(torch: ModuleType) -> Finding:
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    if names:
        return Finding("GPU", OK, f"{', '.join(names)}; trainer=gpu uses one")
    if torch.version.cuda is None:
        return Finding("GPU", MISSING, "this build of torch is for CPUs", "https://pytorch.org/get-started/locally")
    return Finding(
        "GPU",
        MISSING,
        f"none found by torch for CUDA {torch.version.cuda}; runs use the CPU",
        "nvidia-smi (says what the driver sees)",
    )


def _bfloat16(torch: ModuleType) -> Finding:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.autocast(device, dtype=torch.bfloat16):
        ones = torch.ones(2, 2, device=device)
        works = (ones @ ones).dtype == torch.bfloat16
    if not works:
        return Finding("bfloat16", MISSING, f"autocast does not use it on {device}", "trainer.precision=32")
    native = torch.cuda.is_bf16_supported() if device == "cuda" else _native_on_cpu(torch)
    return Finding(
        "bfloat16", OK, f"works on {device}" + ("" if native else ", but slowly: the device has no unit for it")
    )


def _native_on_cpu(torch: ModuleType) -> bool:
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def datasets() -> Iterator[Finding]:
    """Check each data set that has files in a usual place, as a run would, but for downloads."""
    for path in sorted((conf_dir() / "dataset").glob("*.yaml")):
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        if node.get("root"):  # of those without one only the user knows where they lie
            yield _dataset(path.stem, node)
    yield formats()


FORMATS = {"lmdb": "dataset=lsun", "pyarrow": "dataset=parquet", "datasets": "dataset=huggingface"}


def formats() -> Finding:
    """Check the libraries that only some formats need."""
    from importlib.util import find_spec

    missing = [name for name in FORMATS if find_spec(name) is None]
    if missing:
        seen = ", ".join(f"no {name}, for {FORMATS[name]}" for name in missing)
        return Finding("data formats", MISSING, seen, "pip install 'steadygan[data]'")
    return Finding("data formats", OK, f"{', '.join(FORMATS)} are installed")


def _dataset(name: str, node: Node) -> Finding:
    from steadygan.config.instantiation import make
    from steadygan.config.targets import resolve

    root = str(data_dir())
    settings = {key: value for key, value in node.items() if key != "defaults"} | {"root": root}
    offline = {"download": False} if "download" in node else {}
    kind = resolve(settings["_target_"])
    try:
        if hasattr(kind, "source"):  # building these would decode all their images
            kind.source({key: value for key, value in (settings | offline).items() if key != "_target_"})
        else:
            make(settings | offline, "dataset")
    except UserError as error:
        mend = f"steadygan train dataset={name} dataset.root=FOLDER"
        return Finding(f"data: {name}", MISSING, first_line(error), mend + (" (downloads it)" if offline else ""))
    return Finding(f"data: {name}", OK, f"found in {os.path.abspath(root)}")


def inception() -> Finding:
    """Check the weights of published FIDs, and the library that they are for; no others are loaded."""
    from importlib.util import find_spec

    from steadygan.metrics.features.inception import SHA256, URL, standard_place

    path = standard_place()
    if find_spec("torch_fidelity") is None:
        return Finding("Inception", MISSING, "no torch-fidelity, for features=inception", "pip install torch-fidelity")
    if not path.exists():
        seen = f"no weights in {path}; features=inception needs them, small data have their own networks"
        return Finding("Inception", MISSING, seen, f"curl -L --create-dirs -o {path} {URL}")
    if file_hash(path) != SHA256:
        return Finding("Inception", BROKEN, f"{path}: damaged, or not the published weights", f"rm {path}")
    return Finding("Inception", OK, f"published weights in {path}")


CHECKS: dict[str, Check] = {"W&B": wandb, "torch": torch, "Inception": inception, "data sets": datasets}
