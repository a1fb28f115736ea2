"""A sweep of 16 gammas x 4 seeds on the ring as populations, against one bare eager loop on every core.

``bare``: hand-written loops (``benchmarks/step.py``), one process a core with one thread each, which is how many small
runs are best trained without us. ``steady``: as many processes with a population each, draws and logging included.
``whole``: ``steadygan sweep gamma`` from the shell to its last file, with a cold compile cache, evaluations, pictures
and checkpoints included, against the bare loops' steady state, which do none of that.

Everything is measured in settings x iterations per second; the rivals take turns on the same processes. The steady
state is timed in seconds of each process's one core, which are those of the clock where nothing else runs.
"""

import argparse
import multiprocessing
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

GAMMAS = [round(0.01 * 2**n, 2) for n in range(16)]
SEEDS = range(4)
SIZES = {"4 x 128, batch 256": (128, 256), "4 x 64, batch 128": (64, 128)}
QUIET = ["regularizer=[r1]", "logger=none", "metrics=[]"]
BARE = 40
"""Iterations of the bare loop in a round."""


def serve(pipe: Connection, width: int, batch: int, members: int) -> None:
    """A process of one core: runs what it is told, and says how many seconds it took."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    rivals = make_rivals(width, batch, members)
    for rival in rivals.values():
        rival(1)
    pipe.send({"flops": flops(width, batch), "gemm": gemm(width, batch)})
    while (order := pipe.recv()) is not None:
        name, iterations = order
        start = time.process_time()
        rivals[name](iterations)
        pipe.send(time.process_time() - start)
    pipe.send(peak())


def make_rivals(width: int, batch: int, members: int) -> dict[str, Any]:
    """Each trains for a number of iterations when called."""
    from step import bare

    from steadygan.config.building import build

    config = plain(width, batch)
    dataset = build(config).dataset
    eager, fused = population(width, batch, members), population(width, batch, members)
    fuse(fused, config)

    def train(which: Any, iterations: int) -> None:
        for _ in range(iterations):
            which.step()
            if which.iteration % 100 == 0:
                which.settle(states=False)
                which.reset_windows()

    loop = bare("ring", config, dataset, 1)
    return {
        "bare": lambda iterations: [loop() for _ in range(iterations)],
        "eager": lambda iterations: train(eager, iterations),
        "compiled": lambda iterations: train(fused, iterations),
    }


def plain(width: int, batch: int, *overrides: str) -> dict[str, Any]:
    """The config of one setting."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from steadygan.common.paths import conf_dir
    from steadygan.config.hydra_versions import BASE

    given = [*QUIET, f"network.width={width}", f"batch_size={batch}", *overrides]
    with initialize_config_dir(str(conf_dir()), **BASE):
        return OmegaConf.to_container(compose("config", given), resolve=True)


def population(width: int, batch: int, members: int) -> Any:
    """``members`` settings: as many gammas as there are for each seed."""
    import copy

    import torch

    from steadygan.config.building import build
    from steadygan.population.member import Member
    from steadygan.population.population import Population
    from steadygan.runs.job import Job

    config, slots = plain(width, batch), []
    for index in range(members):
        seed, gamma = index // len(GAMMAS), GAMMAS[index % len(GAMMAS)]
        own = copy.deepcopy(config)
        own["seed"], own["regularizer"]["r1"]["gamma"] = seed, gamma
        components = build(own)
        job = Job(own, (), Path(), str(index), "", "", seed, 10**9)
        slots.append((Member(components, job, torch.device("cpu")), components))
    return Population(slots, batch)


def fuse(one: Any, config: dict[str, Any]) -> None:
    """Compile a population as sweeps do."""
    from steadygan.config.building import build
    from steadygan.population.compiling import at_once, compiled

    one.program = compiled(one.program)
    one.divide(at_once("auto", build(config), config["batch_size"], one.device))


def flops(width: int, batch: int) -> float:
    """Floating-point operations of matrix products in one iteration of one setting, counted."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    counted = 0

    class Count(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal counted
            out = function(*args, **(kwargs or {}))
            if function.overloadpacket in flop_registry:
                counted += flop_registry[function.overloadpacket](*args, **(kwargs or {}), out_val=out)
            return out

    one = population(width, batch, 1)
    with Count():
        one.step()
    return float(counted)


def gemm(width: int, batch: int) -> float:
    """Operations a second of a product of the size of a hidden layer."""
    import torch

    x, w = torch.randn(batch, width), torch.randn(width, width)
    times = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(500):
            x @ w
        times.append(time.process_time() - start)
    return 500 * 2 * batch * width * width / min(times)


def peak() -> float:
    """Resident memory at its highest, MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def steady(size: tuple[int, int], workers: int, rounds: int, iterations: int) -> dict[str, Any]:
    """Medians over rounds in which the rivals take turns on all cores."""
    members = len(GAMMAS) * len(SEEDS) // workers
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(workers):
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, *size, members)))
        processes[-1].start()
        pipes.append(ours)
    told = [pipe.recv() for pipe in pipes]
    rates: dict[str, list[float]] = {"bare": [], "eager": [], "compiled": []}
    for _ in range(rounds):
        for name in rates:
            count = BARE if name == "bare" else iterations
            for pipe in pipes:
                pipe.send((name, count))
            slowest = max(pipe.recv() for pipe in pipes)
            rates[name].append(workers * count * (1 if name == "bare" else members) / slowest)
    for pipe in pipes:
        pipe.send(None)
    memory = max(pipe.recv() for pipe in pipes)
    for process in processes:
        process.join()
    ratios = {name: statistics.median(a / b for a, b in zip(rates[name], rates["bare"])) for name in rates}
    return {
        "rates": {name: statistics.median(values) for name, values in rates.items()},
        "ratios": ratios,
        "limit": workers * told[0]["gemm"] / told[0]["flops"],
        "memory": memory,
        **told[0],
    }


def alone(pipe: Connection, size: tuple[int, int], members: int) -> None:
    """A process of one population: its peak memory in MB before the first step, and after three."""
    import torch

    torch.set_num_threads(1)
    one = population(*size, members)
    before = peak()
    for _ in range(3):
        one.step()
    pipe.send((before, peak()))


def memory_of(size: tuple[int, int], members: int) -> tuple[float, float]:
    """What ``alone`` says, of an eager population: a compiled one keeps less."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=alone, args=(theirs, size, members))
    process.start()
    told = ours.recv()
    process.join()
    return told


def curve(size: tuple[int, int], counts: Sequence[int]) -> dict[str, list[float]]:
    """Milliseconds of one core for a setting and iteration, eager and compiled, at several numbers of settings."""
    import torch

    torch.set_num_threads(1)
    found: dict[str, list[float]] = {"eager": [], "compiled": []}
    for members in counts:
        for name, times in found.items():
            one = population(*size, members)
            if name == "compiled":
                fuse(one, plain(*size))
            for _ in range(5):
                one.step()
            laps = []
            for _ in range(5):
                start = time.process_time()
                for _ in range(5):
                    one.step()
                laps.append((time.process_time() - start) / 5)
            times.append(1000 * statistics.median(laps) / members)
    return found


def plot(path: Path, counts: Sequence[int]) -> None:
    """The picture of ``docs/populations.md``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for (name, size), colour in zip(SIZES.items(), ("#0072B2", "#D55E00")):
        for (what, times), style in zip(curve(size, counts).items(), ("--", "-")):
            axes.plot(counts, times, style, marker="o", ms=4, color=colour, label=f"{name}, {what}")
            print(name, what, [round(value, 3) for value in times])
    axes.set(xscale="log", yscale="log", xlabel="settings in one program", ylabel="ms a setting and iteration")
    axes.set_xticks(list(counts), [str(count) for count in counts])
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def whole(size: tuple[int, int], iterations: int, extra: Sequence[str]) -> tuple[float, float]:
    """Settings x iterations of the command with a cold cache, by the second and by the CPU second."""
    width, batch = size
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "steadygan", "sweep", "gamma", "engine=population", f"iterations={iterations}"]
        command += [f"regularizer.r1.gamma={','.join(map(str, GAMMAS))}", f"seed={','.join(map(str, SEEDS))}"]
        command += [f"network.width={width}", f"batch_size={batch}", "log_every=100", "evaluate_every=500", *extra]
        environment = {**os.environ, "STEADYGAN_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
        start, used = time.perf_counter(), _children()
        done = subprocess.run([*command, f"outputs={folder}"], env=environment, capture_output=True, text=True)
        seconds, used = time.perf_counter() - start, _children() - used
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")
    made = len(GAMMAS) * len(SEEDS) * iterations
    return made / seconds, made / used


def _children() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=2000, help="of the whole command (default: 2000)")
    parser.add_argument("--rounds", type=int, default=5, help="of the steady state (default: 5)")
    parser.add_argument("--long", type=int, nargs="?", const=20_000, help="the whole command once more (20,000)")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 4, 16, 64], help="of settings, for --plot")
    parser.add_argument("--steady", action="store_true", help="the steady state only")
    parser.add_argument("--plot", type=Path, help="only draw the cost of a setting against their number, as PNG")
    parser.add_argument("overrides", nargs="*", help="of the whole command, e.g. logger=none engine.compile=true")
    given = parser.parse_args()
    workers = len(os.sched_getaffinity(0))
    sys.path.insert(0, str(Path(__file__).parent))
    if given.plot:
        plot(given.plot, given.counts)
        return
    console = Console(width=140)
    table = Table("size", "what", "settings x it/s", "ratio to bare", "of the GEMM limit", title=f"{workers} cores")
    for name, size in SIZES.items():
        found = steady(size, workers, given.rounds, 10)
        for what, rate in found["rates"].items():
            table.add_row(name, what, f"{rate:,.0f}", f"{found['ratios'][what]:.2f}", f"{rate / found['limit']:.0%}")
        lengths = [] if given.steady else [given.iterations] + ([given.long] if given.long else [])
        for iterations in lengths:
            by_clock, by_cpu = whole(size, iterations, given.overrides)
            for rate, clock in ((by_clock, ""), (workers * by_cpu, ", by CPU seconds")):
                ratio = rate / found["rates"]["bare"]
                what = f"whole command, {iterations:,} iterations{clock}"
                table.add_row(name, what, f"{rate:,.0f}", f"{ratio:.2f}", f"{rate / found['limit']:.0%}")
        members = len(GAMMAS) * len(SEEDS) // workers
        console.print(
            f"{name}: {found['flops'] / 1e6:,.0f} MFLOP of matrix products a setting and iteration, at"
            f" {found['gemm'] / 1e9:,.0f} GFLOP/s a core: at most {found['limit']:,.0f} settings x it/s"
        )
        before, after = memory_of(size, 64)
        console.print(f"{name}: one population of 64 takes {after:,.0f} MB at most, {before:,.0f} MB before it steps")
        console.print(f"{name}: {found['memory']:,.0f} MB at most in a process that holds {members} settings twice")
    console.print(table)


if __name__ == "__main__":
    main()
