"""``engine=population`` for a single run: a population of one."""

import torch

from steadygan.population.loop import Plan, train
from steadygan.population.program import NotVmappable
from steadygan.runs.job import Job, Report
from steadygan.training.components import Components
from steadygan.training.loop import run as run_single


def run(
    components: Components,
    job: Job,
    report: Report,
    *,
    compile: bool | str = "auto",
    together: int | str = "auto",
    **of_sweeps: object,
) -> str:
    """Train as ``steadygan.training.loop.run`` does, by the program that populations use.

    Args:
        components: of the run.
        job: the run.
        report: told of progress.
        compile: ``auto``, true or false.
        together: settings in one call of a compiled program, of which a single run is one.
        **of_sweeps: the other keys of the engine, which speak to the launcher.
    """
    try:
        return train([(components, job)], report, Plan(compile, device=device(job)))[job.signature]
    except NotVmappable as reason:
        report({"kind": "message", "text": f"trains without vmap ({reason})"})
        return run_single(components, job, report)


def device(job: Job, place: int = 0) -> torch.device:
    """Return the device a job trains on; populations are distributed over GPUs by their ``place``."""
    if job.config["trainer"]["accelerator"] != "gpu":
        return torch.device("cpu")
    return torch.device("cuda", place % torch.cuda.device_count())
