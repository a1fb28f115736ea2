"""The fast composition gives what Hydra's own gives."""

import copy
import re
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf, open_dict

from hydra_plugins.steadygan.grid import combinations
from steadygan.config.hydra_versions import BASE
from steadygan.sweeps.compose import Composer

FILES = {
    "config.yaml": """
        defaults: [_self_, {loss: a}, {part@left: x}, {part@right: y}, {extra: []}]
        seed: 0
        rate: 1.0
        twice: {value: "${rate}", text: "rate ${rate} of ${loss.kind}", deep: {alpha: "${loss.alpha}"}}
        sizes: [1, 2, 3]
        note: null
        word: plain
        extra: {}
    """,
    "loss/a.yaml": "{kind: a, alpha: 0.5, parent: '${rate}'}",
    "loss/b.yaml": "{kind: b, alpha: 1.5, beta: 2}",
    "part/x.yaml": "{lr: 0.1, seen: '${seed}'}",
    "part/y.yaml": "{lr: 0.2, seen: '${seed}'}",
    "extra/e1.yaml": "e1: {gamma: 1.0}",
    "extra/e2.yaml": "e2: {gamma: 2.0, of: '${extra.e1.gamma}'}",
    "method/named.yaml": "# @package _global_\nword: '${hydra:job.num} of ${hydra:job.override_dirname}'",
    "method/whose.yaml": "# @package _global_\nwhose: '${hydra.job.name}'",
    "method/m.yaml": "# @package _global_\nrate: 7\nloss: {alpha: 3}",
}

JOBS = [
    ["seed=0", "rate=1"],
    ["seed=1", "rate=0.25"],
    ["seed=1", "rate=1e-3"],
    ["seed=2", "rate='a, quoted = string'"],
    ["seed=3", "rate=null"],
    ["seed=3", "rate=[1,2]"],
    ["seed=4", "rate=[]"],
    ["seed=4", "rate='${seed}'"],
    ["seed=5", "rate=True"],
    ["sizes=[4]"],
    ["sizes=[5,6,7,8]"],
    ["sizes=[]"],
    ["sizes=3"],
    ["sizes=[{a: 1}]"],
    ["loss=b", "loss.alpha=1"],
    ["loss=b", "loss.alpha=2"],
    ["loss=a", "loss.alpha=2"],
    ["loss.alpha=2", "loss=b"],
    ["loss.alpha=3", "loss=b"],
    ["+loss.new=1", "seed=1"],
    ["+loss.new=2", "seed=2"],
    ["++loss.kind=2", "seed=2"],
    ["~loss.kind", "seed=3"],
    ["~loss.kind", "seed=4"],
    ["part@left=y", "left.lr=3", "seed=9"],
    ["part@left=y", "left.lr=4", "seed=8"],
    ["extra=[e1]", "extra.e1.gamma=3"],
    ["extra=[e1]", "extra.e1.gamma=4"],
    ["extra=[e1,e2]", "extra.e1.gamma=5"],
    ["extra=[]", "seed=1"],
    ["+method=m", "loss.alpha=9", "note=x"],
    ["+method=m", "loss.alpha=10", "note=y"],
    ["word=1", "word=2"],
    ["word=3", "word=4"],
    ["twice={value: 3}"],
    ["twice={value: 4, text: no}"],
    ["twice.deep=3"],
    ["twice.deep=[1]"],
    ["twice.deep=4"],
    ["word=''"],
    ["word='it\\'s'"],
    ["loss=null", "seed=4"],
    ["+method=whose", "+whose=3"],
    ["+method=whose", "++whose=3"],
    ["+method=whose", "~whose=app"],
    ["note=???"],
    [],
]


class Remembering:
    """Hydra's loader, which composes nothing twice: it takes a tenth of a second each time."""

    def __init__(self, loader):
        self._loader, self._made = loader, {}

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def load_sweep_config(self, master, overrides):
        key = tuple(overrides)
        if key not in self._made:
            self._made[key] = self._loader.load_sweep_config(master, overrides)
        return copy.deepcopy(self._made[key])


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conf")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        (folder / name).write_text("\n".join(line[indent:] for line in lines) + "\n")
    with initialize_config_dir(str(folder), **BASE):
        yield Remembering(GlobalHydra.instance().config_loader())


@pytest.fixture(scope="module")
def master(loader):
    return loader.load_configuration("config", ["hydra.job.id=3"], RunMode.MULTIRUN)


def from_hydra(loader, master, job):
    config = copy.deepcopy(loader.load_sweep_config(master, job))
    with open_dict(config):
        del config["hydra"]
    return config


def outcome(compose, job):
    """Everything that can be told from a config, or the error."""
    try:
        config = compose(job)
    except (HydraException, ValueError) as error:
        return type(error).__name__, str(error)
    return OmegaConf.to_container(config), resolved(config), OmegaConf.is_struct(config)


def resolved(config):
    try:
        return OmegaConf.to_container(config, resolve=True)
    except Exception as error:
        return type(error).__name__


def test_every_job_is_what_hydra_makes_of_it_whatever_came_before(loader, master):
    theirs = [outcome(lambda job: from_hydra(loader, master, job), job) for job in JOBS]
    for order in (1, -1):
        composer = Composer(loader, master)
        ours = [outcome(lambda job, composer=composer: composer.compose(job).config, job) for job in JOBS[::order]]
        for job, mine, hydras in zip(JOBS, ours[::order], theirs, strict=True):
            assert mine == hydras, job


def said(error):
    """Type and words; Hydra 1.4 begins with the place of an override among all that it was given."""
    first, *rest = str(error).splitlines()
    override = getattr(error, "override", None)
    return type(error), override, first.partition(" when parsing index")[0] if override else first, rest


@pytest.mark.parametrize("bad", [["nothing=1"], ["loss=c"], ["loss.beta=1"], ["rate=1", "word=[1"]])
def test_errors_are_hydras_also_after_good_jobs(loader, master, bad):
    composer = Composer(loader, master)
    composer.compose(["loss=b", "loss.beta=1"])
    composer.compose(["rate=1"])
    with pytest.raises(HydraException) as theirs:
        loader.load_sweep_config(master, bad)
    with pytest.raises(HydraException) as ours:
        composer.compose(bad)
    assert said(ours.value) == said(theirs.value)


def test_one_composition_serves_all_values_of_a_key(loader, master, monkeypatch):
    calls = []
    real = type(loader).load_sweep_config
    monkeypatch.setattr(type(loader), "load_sweep_config", lambda *args: calls.append(args) or real(*args))
    composer = Composer(loader, master)
    for loss in "ab":
        for seed in range(20):
            composer.compose([f"loss={loss}", f"seed={seed}", f"rate={seed / 10}"])
    assert len(calls) == 2


def test_configs_do_not_share_anything(loader, master):
    composer = Composer(loader, master)
    first = composer.compose(["seed=1"]).config
    first.loss.alpha = 99
    first.sizes.append(4)
    second = composer.compose(["seed=2"]).config
    assert (second.loss.alpha, list(second.sizes), second.seed) == (0.5, [1, 2, 3], 2)


def test_full_has_the_choices_of_the_job(loader, master):
    composer = Composer(loader, master)
    assert composer.compose(["loss=b", "seed=1"]).full().hydra.runtime.choices.loss == "b"
    assert composer.compose(["loss=a", "seed=1"]).full().hydra.runtime.choices.loss == "a"
    assert Path(composer.compose(["seed=1"]).full().hydra.runtime.cwd) == Path.cwd()


def launched(loader, master, job, number):
    """The whole config as Hydra's own launcher makes it."""
    config = copy.deepcopy(loader.load_sweep_config(master, job))
    with open_dict(config):
        config.hydra.job.id, config.hydra.job.num = str(number), number
    return config


PLAIN = st.sampled_from(
    ["0", "1.5", "1e-3", "null", "true", "text", "'a, \\'b'", '"${rate}"', "${seed}", "[]", "[1,2]"]
)
DICTS = st.sampled_from(["{value: 3}", "{alpha: 2, other: ${seed}}", "{deep: {alpha: 1}}", "{}"])
KEYS = ["seed", "rate", "sizes", "note", "word", "twice", "twice.value", "twice.deep", "twice.deep.alpha", "twice.new"]
KEYS += [
    "loss.alpha",
    "loss.kind",
    "loss.beta",
    "left.lr",
    "right",
    "extra.e1.gamma",
    "new",
    "new.deep",
    "hydra.verbose",
]
VALUES = st.builds("{}{}={}".format, st.sampled_from(["", "", "+", "++"]), st.sampled_from(KEYS), PLAIN | DICTS)
DELETED = st.builds("~{}{}".format, st.sampled_from(KEYS), st.sampled_from(["", "", "=0", "=null", "=a"]))
CHOICES = """
    loss=a; loss=b; loss=null; ~loss; ~loss=b; loss=c; loss={alpha: 4}; +loss@twice=b; loss@left=a; ++loss=a; part=x
    part@left=y; part@right=x; ~part@left; extra=[e1]; extra=[e1,e2]; extra=[e2]; extra=[]; +extra@new=[e1]; +method=m
    +method@word=m; hydra.job.name=mine
"""
CHOSEN = st.sampled_from(re.split(r";\s+|\n\s*", CHOICES.strip()))
QUICKLY = (Phase.explicit, Phase.generate)  # to shrink what failed is to compose for minutes
JOB = st.lists(VALUES | VALUES | DELETED | CHOSEN, max_size=6)


@settings(max_examples=30, phases=QUICKLY)
@given(job=JOB, number=st.integers(0, 3))
def test_any_job_is_what_hydra_makes_of_it(loader, master, composers, job, number):
    """In any order, with any prefix: the config, and the node ``hydra``."""
    composer = composers[0]
    theirs = outcome(lambda job: from_hydra(loader, master, job), job)
    assert outcome(lambda job: composer.compose(job, number).config, job) == theirs
    if isinstance(theirs[0], dict):
        full = composer.compose(job, number).full()
        assert OmegaConf.to_container(full) == OmegaConf.to_container(launched(loader, master, job, number))


@pytest.fixture(scope="module")
def composers(loader, master):
    """One composer for all examples, so that what it remembers of others is tried as well."""
    return [Composer(loader, master)]


@given(
    common=st.lists(VALUES | DELETED | CHOSEN, max_size=3),
    swept=st.tuples(st.sampled_from(["", "+", "++"]), st.sampled_from(KEYS), st.lists(PLAIN, min_size=2, max_size=3)),
    more=st.lists(VALUES | DELETED | CHOSEN, max_size=3),
)
@settings(max_examples=15, phases=QUICKLY)
def test_a_multirun_is_the_single_runs_that_its_values_make(loader, master, common, swept, more):
    """What is written after a sweep counts after it; nothing but repetition is left out."""
    prefix, key, values = swept
    parsed = OverridesParser.create().parse_overrides([*common, f"{prefix}{key}={','.join(values)}", *more])
    jobs = combinations(parsed)
    singles = [outcome_of_single(loader, master, [*common, f"{prefix}{key}={value}", *more]) for value in values]
    made = [outcome_of_single(loader, master, job) for job in jobs]
    assert len(jobs) in (1, len(values))
    for single, job in zip(singles, made if len(jobs) > 1 else made * len(values), strict=True):
        assert single is None or job == single, (jobs, singles)


def outcome_of_single(loader, master, overrides):
    """The config, or None where Hydra refuses the overrides."""
    try:
        return OmegaConf.to_container(from_hydra(loader, master, overrides))
    except (HydraException, ValueError):
        return None


def test_every_job_sees_a_hydra_node_of_its_own(loader, master):
    composer = Composer(loader, master)
    jobs = [["+method=named", "seed=0"], ["+method=named", "seed=1"], ["+method=named", "+new=3"]]
    seen = []
    setup_globals()
    before = HydraConfig.instance().cfg
    try:
        for number, job in enumerate(jobs):
            composed = composer.compose(job, number)
            composer.show(composed)
            node = HydraConfig.get()
            seen.append((composed.config.word, node.job.id, list(node.overrides.task)))
            assert node.runtime.output_dir == str(Path.cwd() / node.sweep.dir / str(number))
    finally:
        HydraConfig.instance().cfg = before
    assert seen == [
        ("0 of +method=named,seed=0", "0", jobs[0]),
        ("1 of +method=named,seed=1", "1", jobs[1]),
        ("2 of +method=named,+new=3", "2", jobs[2]),
    ]
