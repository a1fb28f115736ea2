"""What the ledger costs: planning, locks and summaries of many tiny jobs; and a checkpoint beside an iteration.

python benchmarks/ledger.py [JOBS]
"""

import sys
import tempfile
import time
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from steadygan import train
from steadygan.common.paths import conf_dir
from steadygan.config.building import build
from steadygan.config.hydra_versions import BASE
from steadygan.runs import checkpoint, files, locks
from steadygan.runs.summary import identity
from steadygan.sweeps import job_folders, ledger
from steadygan.training.module import GANModule

SETTINGS = {
    "ring, mlp": [],
    "digits, dcgan": ["dataset=digits", "network=dcgan", "batch_size=64"],
}


def seconds(function, times: int = 1) -> float:
    """Of one call."""
    began = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - began) / times


def the_ledger(folder: Path, count: int) -> None:
    """Each job: a plan, a look at what is there, a lock, config, overrides, and a summary when it begins and ends."""
    given = ["logger=none", "metrics=[]", f"outputs={folder}"]
    config, jobs = compose("config", given), []

    def plan() -> None:
        config.seed = len(jobs)
        jobs.append(train.plan(config, [*given, f"seed={len(jobs)}"]))

    def keep(status: str) -> None:
        with locks.hold([jobs[index].directory]):
            job_folders.describe(jobs[index])
            for said in ("running", status):
                files.write_json(jobs[index].directory / files.SUMMARY, identity(jobs[index], said) | {"iteration": 0})

    took = {"plan": seconds(plan, count), "what to do (empty)": seconds(lambda: ledger.plans(jobs, train.action))}
    began = time.perf_counter()
    for index in range(count):  # noqa: B007 (``keep`` reads it)
        keep("completed")
    took["lock, describe, two summaries"] = (time.perf_counter() - began) / count
    began = time.perf_counter()
    for job in jobs:
        with locks.hold([job.directory]):
            pass
    took["of this the lock"] = (time.perf_counter() - began) / count
    took["what to do (all there)"] = seconds(lambda: ledger.plans(jobs, train.action))
    took["the status of all"] = seconds(lambda: ledger.Ledger(jobs).look())
    for name, each in took.items():
        per = each if name.startswith(("what", "the")) else each * count
        print(f"{name:32} {per:8.2f} s for {count} jobs, {1e3 * per / count:.2f} ms each")


def a_checkpoint(name: str, overrides: list[str], folder: Path) -> None:
    """Against an iteration of the same GAN, and at the default of one in a thousand."""
    config = train.plan(compose("config", [*overrides, "logger=none", f"outputs={folder}"]), overrides).config
    gan = GANModule(build(config), 0, config["batch_size"], torch.float32)
    gan.to_device(torch.device("cpu"))
    for iteration in range(5):
        gan.advance(iteration)
    iterations = iter(range(5, 10**6))
    step = seconds(lambda: gan.advance(next(iterations)), 50)
    path = folder / "last.ckpt"
    saves = seconds(lambda: checkpoint.save(path, gan, "0", 0.0), 20)
    share = saves / (config["checkpoint_every"] * step)
    size = path.stat().st_size / 1e6
    print(
        f"{name:16} checkpoint {1e3 * saves:.1f} ms ({size:.2f} MB), iteration {1e3 * step:.2f} ms, "
        f"{saves / step:.1f} iterations, {100 * share:.2f} % at one in {config['checkpoint_every']}"
    )


def main(count: int = 1000) -> None:
    torch.set_num_threads(1)
    with initialize_config_dir(str(conf_dir()), **BASE), tempfile.TemporaryDirectory() as folder:
        the_ledger(Path(folder), count)
        for name, overrides in SETTINGS.items():
            a_checkpoint(name, overrides, Path(folder))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
