"""Which jobs go together, and that they go on in the slots where they began."""

import json
from dataclasses import replace

import pytest
import torch

from steadygan.runs import checkpoint
from steadygan.runs.files import CHECKPOINT, SUMMARY, write_json
from steadygan.sweeps.grouping import RECORDS, group, read_record, resume_iteration, static


def groups(jobs, workers=1, most=100, **more):
    return group(jobs, workers=workers, most=lambda job: most, **more)


def sizes(made):
    return [len(one.slots) for one in made]


SAME = [
    ["seed=1"],
    ["ema.decay=0.5"],
    ["ema.rampup=0"],
    ["optimizer.generator.lr=0.1"],
    ["optimizer.discriminator.beta1=0.9"],
    ["retry=true"],
    ["engine=population"],
]

OTHER = [
    ["loss=hinge"],
    ["regularizer=[r1]"],
    ["noise=instance"],
    ["network.width=8"],
    ["network.activation=tanh"],
    ["batch_size=8"],
    ["game.n_critic=2"],
    ["game=simultaneous"],
    ["iterations=7"],
    ["log_every=7"],
    ["dataset.radius=1"],
    ["dataset=grid"],
    ["trainer.precision=64"],
    ["optimizer@optimizer.generator=sgd"],
    ["+schedule@optimizer.generator.lr=linear", "optimizer.generator.lr.start=0.1"],
]


@pytest.mark.parametrize("overrides", SAME, ids=" ".join)
def test_numbers_of_the_mathematics_may_differ(plain, overrides):
    assert static(plain(*overrides)) == static(plain())


@pytest.mark.parametrize("overrides", OTHER, ids=" ".join)
def test_anything_else_may_not(plain, overrides):
    assert static(plain(*overrides)) != static(plain())


@pytest.mark.parametrize(
    ("algorithm", "one", "other"),
    [
        (["regularizer=[r1]"], ["regularizer.r1.gamma=0.1"], ["regularizer.r1.gamma=3"]),
        (["regularizer=[weight_clip]"], ["regularizer.weight_clip.value=0.1"], ["regularizer.weight_clip.value=1"]),
        (["noise=blur"], ["noise.sigma=0"], ["noise.sigma=1.5"]),
        (["loss=lsgan"], ["loss.alpha=0.1"], ["loss.real_label=0.9"]),
        (["optimizer@optimizer.discriminator=sgld"], [], ["optimizer.discriminator.step_size=1e-5"]),
        (["loss=lsgan", "+schedule@loss.alpha=linear", "loss.alpha.end=0.5"], [], ["loss.alpha.start=0.2"]),
    ],
)
def test_settings_of_methods_are_numbers(plain, algorithm, one, other):
    assert static(plain(*algorithm, *one)) == static(plain(*algorithm, *other))


@pytest.mark.parametrize(
    ("algorithm", "other"),
    [
        (["noise=blur"], ["noise.radius=3"]),
        (["noise=instance", "+noise.copies=2"], ["noise.copies=3"]),
        (["loss=lsgan"], ["loss.normalised=true"]),
    ],
)
def test_switches_radii_and_copies_are_structure(plain, algorithm, other):
    assert static(plain(*algorithm)) != static(plain(*algorithm, *other))


def test_the_name_of_a_method_does_not_matter(plain):
    assert static(plain("method=r1")) == static(plain("regularizer=[r1]"))


def test_mixed_algorithms_are_split_by_themselves(plan):
    jobs = [plan(f"loss={loss}", f"seed={seed}") for seed in range(2) for loss in ("hinge", "minimax")]
    made = groups(jobs)
    assert [{job.config["loss"]["_target_"] for job in one.jobs} for one in made] == [
        {"steadygan.core.losses.Hinge"},
        {"steadygan.core.losses.Minimax"},
    ]
    assert sizes(made) == [2, 2]
    assert [one.index for one in made] == [0, 1]


def test_groups_are_split_so_that_no_worker_idles_and_all_fit(plan):
    jobs = [plan(f"seed={seed}", f"ema.decay=0.{n}") for n in range(1, 4) for seed in range(3)]
    assert sizes(groups(jobs)) == [9]
    assert sizes(groups(jobs, workers=2)) == [5, 4]
    assert sizes(groups(jobs, workers=20)) == [1] * 9
    assert sizes(groups(jobs, most=2)) == [2, 2, 2, 2, 1]
    # members of a seed stand together
    assert [job.seed for one in groups(jobs, workers=3) for job in one.jobs] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_what_must_be_alone_is(plan):
    jobs = [plan(f"seed={seed}") for seed in range(4)]
    made = groups(jobs, alone=lambda job: "because" if job.seed == 1 else None)
    assert [(one.alone, [job.seed for job in one.jobs]) for one in made] == [(None, [0, 2, 3]), ("because", [1])]


def begin(job, iteration, status="running"):
    write_json(job.directory / SUMMARY, {"status": status, "iteration": iteration})
    if iteration:
        (job.directory / CHECKPOINT).parent.mkdir(parents=True, exist_ok=True)
        saved = {"format": checkpoint.FORMAT, "iteration": iteration, "signature": job.signature}
        torch.save(saved, job.directory / CHECKPOINT)


def slots(made):
    return [[job and job.seed for job in one.slots] for one in made]


def test_who_goes_on_keeps_his_slot(plan, tmp_path):
    jobs = [plan(f"seed={seed}") for seed in range(4)]
    (first,) = groups(jobs)
    first.write(compiled=True, together=2)
    assert json.loads(first.record.read_text())["seats"] == [job.signature for job in jobs]
    assert first.record.parent == tmp_path / "runs" / RECORDS
    for job in jobs:
        begin(job, 10)
    (again,) = groups([jobs[3], jobs[1]], compile=False)
    assert slots([again]) == [[None, 1, None, 3]]
    assert again.record == first.record
    assert again.recorded() is True, "compiled as at the first launch, whatever is asked for now"
    assert (first.together(), again.together()) == (2, 2)
    before = first.record.read_text()
    again.write(compiled=True, together=2)
    assert first.record.read_text() == before
    again.write(compiled=False, together=4)
    reported = json.loads(first.record.read_text())
    assert (reported["seats"], reported["compiled"], reported["together"]) == (
        [job.signature for job in jobs],
        False,
        4,
    )
    # killed before the first checkpoint: the slots count all the same
    (jobs[2].directory / CHECKPOINT).unlink()
    assert resume_iteration(jobs[2]) == 0
    assert sorted(slots(groups(jobs[1:])), key=str) == [[None, 1, None, 3], [None, None, 2, None]]


def test_who_begins_again_or_anew_is_seated_anew(plan):
    jobs = [plan(f"seed={seed}") for seed in range(4)]
    (first,) = groups(jobs[:3])
    first.write(compiled=False, together=4)
    begin(jobs[0], 10)
    begin(jobs[1], 0, "failed")
    assert sorted(slots(groups(jobs)), key=str) == [[0, None, None], [1, 2, 3]]
    (anew,) = (one for one in groups(jobs) if len(one.jobs) == 3)
    anew.write(compiled=True, together=4)
    for job in jobs[1:]:
        begin(job, 5)
    assert sorted(slots(groups(jobs)), key=str) == [[0, None, None], [1, 2, 3]], "the last record counts"


def test_runs_that_were_begun_singly_go_together_where_they_stand(plan):
    jobs = [plan(f"seed={seed}") for seed in range(4)]
    for job, iteration in zip(jobs, (10, 20, 10, 0)):
        if iteration:
            begin(job, iteration)
    assert sorted(slots(groups(jobs)), key=str) == [[0, 2], [1], [3]]


def test_a_longer_run_is_another_program_in_the_same_slot(plan):
    jobs = [plan(f"seed={seed}", "iterations=10") for seed in range(2)]
    (first,) = groups(jobs)
    first.write(compiled=False, together=4)
    for job in jobs:
        begin(job, 10, "completed")
    longer = [replace(job, config={**job.config, "iterations": 20}, iterations=20) for job in jobs]
    (made,) = groups(longer)
    assert (made.record, slots([made])) == (first.record, [[0, 1]])


def test_a_damaged_record_is_none(tmp_path):
    for text in ("", "[]", '{"seats": []}', "{"):
        (tmp_path / "x.json").write_text(text)
        assert read_record(tmp_path / "x.json") is None
