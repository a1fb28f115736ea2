"""What the tests of distributed training run in its processes."""

import os
import signal
import time

import torch
import torch.distributed as dist
from torch.utils._pytree import tree_leaves

from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.distributed.join import joined, normalised
from steadygan.distributed.process_group import SingleProcess
from steadygan.training.components import DTYPES
from steadygan.training.evaluation import evaluate
from steadygan.training.module import GANModule
from steadygan.training.schemes import Pretrain
from steadygan.training.schemes.pretraining import Pretraining


def train(config, ranks):
    """The GAN of a config after its iterations, without files; and what metrics say of it."""
    components = build(config)
    with normalised(ranks, config["trainer"], components.networks):
        precision = DTYPES[str(config["trainer"]["precision"])]
        gan = GANModule(components, config["seed"], config["batch_size"], precision, ranks)
        gan.to_device(torch.device("cpu"))
        if isinstance(components.scheme, Pretrain):
            work = Pretraining(components.scheme, components.scheme.distance, gan)
            while work.phase is not None:
                assert work.step()
                work.advance()
        for iteration in range(config["iterations"]):
            gan.advance(iteration)
            if gan.diverged_at:
                break
        return gan, evaluate(gan, components.metrics)


def results(config, ranks):
    gan, scores = train(config, ranks)
    batches = gan.sampler.sample(7, {player: gan.state.of(player).params for player in ("generator", "discriminator")})
    (batch,) = batches["discriminator"][:1]
    return {
        "state": gan.state,
        "logs": gan.window.means(),
        "scores": scores,
        "diverged_at": gan.diverged_at,
        "batch": batch._asdict(),
    }


def alone(config):
    """One process with the whole batch."""
    return results(config, SingleProcess())


def together(configs, report):
    """Each config's results in process 0, the batches of all, and whether all have the same bits otherwise."""
    torch.set_num_threads(1)
    found = {}
    with joined(next(iter(configs.values()))["trainer"]) as ranks:
        for name, config in configs.items():
            own = results(config, ranks)
            batches, states = [None] * ranks.world_size, [None] * ranks.world_size
            dist.all_gather_object(batches, own["batch"])
            dist.all_gather_object(states, tree_leaves([own["state"], own["logs"], own["scores"], own["diverged_at"]]))
            found[name] = {**own, "batches": batches, "same": all(same(states[0], other) for other in states[1:])}
            report({"kind": "message", "text": name})
    return found


def same(first, second):
    return len(first) == len(second) and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b or a != a for a, b in zip(first, second)
    )


def lose_one(how, report):
    """Process 1 ends in the given way while process 0 waits for it."""
    with joined({"accelerator": "cpu", "devices": 2}) as ranks:
        ranks.broadcast("hello")
        if ranks.rank == 1:
            time.sleep(0.3)
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "exit":
                os._exit(3)
            if how == "mistake":
                raise UserError("not like this")
            raise ZeroDivisionError("in process 1")
        dist.barrier()


def lose_one_of_a_job(job, report):
    return lose_one("raises", report)
