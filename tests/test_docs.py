"""What the documentation says is what the code does."""

import math
import os
import pydoc
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from steadygan import cli, train
from steadygan.common.paths import conf_dir
from steadygan.config.listing import SPACES
from steadygan.config.renamed import present_name
from steadygan.runs import checkpoint, files
from steadygan.sweeps import executing
from steadygan.training import spectrum

DOCS = Path(__file__).parents[1] / "docs"
reference = SimpleNamespace(**runpy.run_path(str(DOCS / "config_page.py")))
EXAMPLE = DOCS / "example"
TINY = ["iterations=4", "log_every=2", "evaluate_every=4", "batch_size=8", "network.width=8",
        "metrics.modes.samples=50", "metrics.modes.wasserstein_samples=20"]  # fmt: skip


# --- config.md ------------------------------------------------------------------------------------------------------


def test_the_page_of_the_config_is_current():
    assert (DOCS / "config.md").read_text() == reference.page(), "python docs/config_page.py > docs/config.md"


def test_the_page_has_every_option_key_default_range_and_comment():
    text = reference.page()
    for path in conf_dir().rglob("*.yaml"):
        group = path.parent.relative_to(conf_dir()).as_posix()
        assert group in (".", SPACES) or f"### {group}={path.stem}" in text
    for line in (
        "| `regularizer.r1.gamma` | `1.0` | finite and not negative |  |",
        "| `game.n_critic` | `1` | a whole number of at least 1 |  |",
        "| `optimizer.PLAYER.temperature` | `1.0` | finite and not negative | 0 is plain gradient descent |",
        "| `NUMBER.finish` | `${horizon}` | finite and not negative |  |",
        "| `network.depth` | `4` |  | number of linear layers of each player |",
        "| `dataset.sigma` | `0.02` | finite and greater than 0 | standard deviation of each mode |",
        "| `log_every` | `100` | a whole number of at least 1 | iterations between rows of metrics.csv |",
        "| `logger.name` | `csv` |  | the folder below the run's |",
    ):
        assert line in text
    assert "### loss=nonsaturating (default)" in text
    assert "### loss=hinge\n" in text
    assert "Brings `metrics=[fid,inception_score]`." in text


def test_comments_are_read_by_the_path_of_their_key(tmp_path):
    path = tmp_path / "option.yaml"
    path.write_text("# first line\n# Second line\na: 1  # of a\nb:\n  a: '#x'  # of b.a\n  c: 2\nd: 3 # of d\n")
    assert reference._comments(path) == {"a": "of a", "b.a": "of b.a", "d": "of d"}
    assert reference._opening(path) == "first line. Second line."


# --- files.md -------------------------------------------------------------------------------------------------------


def section(page: str, title: str) -> str:
    return re.split(r"^#+ ", page.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_column(text: str) -> list[str]:
    """The names in the first column of a section's first table."""
    table = re.search(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    return re.findall(r"^\| `([^`]+)` \|", table.group(), flags=re.MULTILINE)


def stands_for(pattern: str, name: str) -> bool:
    """``penalty/NAME`` stands for ``penalty/r1``."""
    return re.fullmatch(re.escape(pattern).replace("NAME", r"\w+").replace("ITERATION", r"\d{7}"), name) is not None


def compare(documented: list[str], found: set[str]) -> None:
    assert documented
    assert {name for name in found if not any(stands_for(pattern, name) for pattern in documented)} == set()
    assert {pattern for pattern in documented if not any(stands_for(pattern, name) for name in found)} == set()


@pytest.fixture(scope="module")
def run(compose, tmp_path_factory):
    """A finished run with all kinds of columns."""
    given = [*TINY, "loss=lsgan", "regularizer=[r1]", f"outputs={tmp_path_factory.mktemp('outputs')}"]
    given.append("checkpoint_every=2")
    job = train.plan(compose(*given), given)
    assert train.execute(job, lambda event: None) == "completed"
    return job.directory


@pytest.fixture(scope="module")
def failed(compose, tmp_path_factory):
    """A run that met an error."""
    given = [*TINY, "logger=none", f"outputs={tmp_path_factory.mktemp('outputs')}"]
    job = train.plan(compose(*given), given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executing, "build", lambda config: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train.execute(job, lambda event: None)
    return job.directory


PAGE = (DOCS / "files.md").read_text()


def test_the_files_of_a_run(run, failed):
    names = {
        path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file() and "wandb" not in path.parts
    }
    names |= {"wandb/"} if (run / "wandb").is_dir() else set()
    names |= {path.name for path in failed.iterdir() if path.is_file()}
    compare(first_column(section(PAGE, "Files of a run")), names)


def test_the_columns_of_the_metrics(run):
    rows = files.read_rows(run / files.METRICS)
    documented = first_column(section(PAGE, "metrics.csv"))
    compare(documented, set(rows[0]) | set(spectrum.COLUMNS))  # these only where they are asked for
    assert rows[0]["metric/modes"] == ""
    assert rows[1]["metric/modes"] != ""
    assert rows[1]["images"] == str(4 * 8)


def test_the_metrics_that_a_page_names(plain):
    """``modes`` gives ``metric/modes``, ...: read off the metrics themselves."""
    from steadygan.config.building import build_dataset
    from steadygan.config.instantiation import make
    from steadygan.data.stacked import Stacked

    said = {}
    for option, columns in re.findall(r"`(\w+)` gives ((?:`metric/\w+`(?:,\s+)?)+)", section(PAGE, "metrics.csv")):
        said[option] = set(re.findall(r"metric/(\w+)", columns))
    assert set(said) == {path.stem for path in (conf_dir() / "metrics").glob("*.yaml")}
    for option, columns in said.items():
        data = "ring" if option in ("modes", "exact_density", "wasserstein", "class_match", "accuracy") else "digits"
        config = plain(f"dataset={data}", f"metrics=[{option}]")
        dataset = build_dataset(config["dataset"])
        dataset = Stacked(dataset, 10) if option == "stacked_modes" else dataset
        metric = make(config["metrics"][option], option)(dataset=dataset)
        assert set(metric.directions) == columns, option


def test_the_keys_of_the_summary(run, failed):
    summary = files.read_summary(run)
    compare(first_column(section(PAGE, "summary.json")), set(summary) | set(files.read_summary(failed)))
    assert set(summary["metrics"]["modes"]) == {"final", "best", "gap", "area", "direction"}
    assert all(status in section(PAGE, "summary.json") for status in files.STATUSES)


def test_the_keys_of_a_checkpoint(run):
    saved = torch.load(run / files.CHECKPOINT, weights_only=True)
    compare(first_column(section(PAGE, "checkpoints/last.ckpt")), set(saved))
    assert {name.split(".")[0] for name in saved["state_dict"]} == {"generator", "discriminator", "generator_ema"}
    assert saved["format"] == checkpoint.FORMAT


def test_what_the_signature_leaves_out():
    from steadygan.runs.signature import UNSIGNED

    words = PAGE.split("without what does not change the result:")[1].split("and of the trainer")[0]
    assert set(re.findall(r"`(\w+)`", words)) == set(UNSIGNED) - {"hydra"}


# --- the user's own method ------------------------------------------------------------------------------------------


@pytest.fixture
def on_the_path(monkeypatch):
    """The example's package can be imported, and is forgotten again: other tests have one of the same name."""

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] == "my_gan"]:
            del sys.modules[name]

    forget()
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield
    forget()


@pytest.mark.usefixtures("on_the_path")
def test_the_penalty_of_the_example_by_hand():
    from my_gan.penalty import lipschitz

    slope = torch.tensor([3.0, 4.0], dtype=torch.float64)  # of norm 5
    real, fake = torch.randn(2, 6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    eps = torch.linspace(0, 1, 6, dtype=torch.float64)
    for limit, expected in ((1.0, 2.0 * 16.0), (4.5, 2.0 * 0.25), (6.0, 0.0)):
        value = lipschitz(lambda x: x @ slope, real, fake, eps, weight=2.0, limit=limit)
        assert value.tolist() == pytest.approx([expected] * 6)
    # D(x) = |x|^2 / 2 has the slope |x|: this sees where between the samples it is taken
    between = eps[:, None] * real + (1 - eps[:, None]) * fake
    value = lipschitz(lambda x: x.square().sum(1) / 2, real, fake, eps, weight=1.0, limit=0.5)
    assert value.tolist() == pytest.approx((between.norm(dim=1) - 0.5).clamp(min=0).square().tolist())


def test_the_example_trains_through_the_console_script_from_anywhere(tmp_path):
    """As a user has it: the installed command, a folder of their own, the package on the path, workers too."""
    script = Path(sys.executable).with_name("steadygan")
    if not script.exists():
        pytest.skip("steadygan is not installed beside this Python")
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE), "PYTHONDONTWRITEBYTECODE": "1"}

    def call(*args):
        return subprocess.run([str(script), *args], cwd=tmp_path, env=environment, capture_output=True, text=True)

    args = ["--config-dir", str(EXAMPLE / "conf"), *TINY, "logger=none"]
    done = call("sweep", "my_sweep", *args, "seed=0", "regularizer.my_penalty.weight=0,100", "hydra.launcher.workers=1")
    assert done.returncode == 0, done.stderr
    values = {}
    for run in (tmp_path / "outputs" / "my_sweep").glob("*/"):
        config = yaml.safe_load((run / files.CONFIG).read_text())
        assert files.read_summary(run)["status"] == "completed"
        rows = files.read_rows(run / files.METRICS)
        values[config["regularizer"]["my_penalty"]["weight"]] = [float(row["penalty/my_penalty"]) for row in rows]
    assert set(values) == {0, 100}
    assert values[0] == [0, 0]


@pytest.mark.usefixtures("on_the_path")
def test_a_number_out_of_the_range_that_the_example_declares(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    folder = ["--config-dir", str(EXAMPLE / "conf")]
    assert cli.main(["train", *folder, "regularizer=[my_penalty]", "regularizer.my_penalty.weight=-1"]) == 2
    assert "regularizer.my_penalty.weight=-1: must be finite and not negative" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_page_shows_the_example_as_it_is():
    page = (DOCS / "adding_a_method.md").read_text()
    code = (EXAMPLE / "my_gan" / "penalty.py").read_text()
    config = (EXAMPLE / "conf" / "regularizer" / "my_penalty.yaml").read_text()
    first, *others = page.split("## One of each kind")
    shown = dict(re.findall(r"```(python|yaml)\n(.*?)```", first, flags=re.DOTALL))
    body = [line for line in shown["python"].splitlines() if not line.startswith("def ")]
    assert len(body) == 5
    assert all(line.rstrip('"') in code for line in body)
    assert shown["yaml"].split("\n", 1)[1] == config.split("\n", 1)[1]
    for path in re.findall(r"`((?:core|networks|data|metrics)/[\w/]+\.py)`", page):
        assert (Path(cli.__file__).parent / path).is_file(), path
    files_shown = re.findall(r"```\w+\n# ([\w/]+\.\w+)\n(.*?)```", others[0], flags=re.DOTALL)
    for name, text in files_shown:
        whole = (EXAMPLE / name).read_text().strip()
        assert text.strip() == (whole.split("\n", 2)[2].strip() if name.endswith(".py") else whole), name
    assert {name for name, _ in files_shown} == {
        str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*.*") if path.suffix in (".py", ".yaml")
    } - {"my_gan/__init__.py", "my_gan/penalty.py", "conf/regularizer/my_penalty.yaml", "conf/my_sweep.yaml"}


def own_runs():
    text = (DOCS / "adding_a_method.md").read_text()
    return [line for line in re.findall(r"^steadygan train .*", text, flags=re.MULTILINE) if "--help" not in line]


FAST = ["iterations=2", "log_every=1", "batch_size=8", "network.width=8", "seed=1"]
EVERYTHING = (
    "steadygan train --config-dir conf engine=population loss=squared_hinge 'regularizer=[near,my_penalty]' "
    "game=generator_first optimizer@optimizer.discriminator=sign_descent network=my_net noise=relative dataset=spiral "
    "'metrics=[mean_distance]' logger=lines"
)


@pytest.mark.usefixtures("on_the_path")
@pytest.mark.parametrize("line", [*own_runs(), EVERYTHING])
def test_each_kind_trains_as_the_page_shows_it(monkeypatch, capsys, tmp_path, line):
    """Two iterations of each command, in a copy of the example's folder."""
    folder = tmp_path / "mine"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "outputs"))
    monkeypatch.chdir(folder)
    words = shlex.split(line, comments=True)[1:]
    logger = [] if "logger=lines" in words else ["logger=none"]
    assert cli.main([*words, *FAST, *logger]) == 0, capsys.readouterr().err
    (run,) = (folder / "outputs" / "runs").iterdir()
    reported = files.read_summary(run)
    assert (reported["status"], reported["iteration"]) == ("completed", 2)
    scores = {f"metric/{name}": each["final"] for name, each in reported["metrics"].items()}
    assert all(math.isfinite(value) for value in scores.values())
    assert float(files.read_rows(run / files.METRICS)[-1][min(scores)]) == pytest.approx(scores[min(scores)], rel=1e-4)
    if not logger:
        assert (run / "scores.txt").read_text().startswith("2: ")


def test_the_page_trains_every_kind():
    kinds = {re.split("[=@]", shlex.split(line)[4])[0] for line in own_runs()}
    assert kinds == {"loss", "regularizer", "noise", "optimizer", "game", "network", "dataset", "metrics", "logger"} | {
        "+trainer.callbacks.watch._target_",
        "+trainer.callbacks.stop",
    }


# --- all pages ------------------------------------------------------------------------------------------------------


def commands():
    for page in sorted(DOCS.glob("*.md")):
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), flags=re.DOTALL):
            for line in block.splitlines():
                if line.startswith("steadygan "):
                    yield page.stem, line


@pytest.mark.usefixtures("on_the_path")
@pytest.mark.parametrize(("page", "line"), list(commands()), ids=lambda text: text)
def test_every_command_that_is_shown_is_understood(monkeypatch, capsys, page, line):
    monkeypatch.chdir(EXAMPLE)
    words = shlex.split(line, comments=True)[1:]
    composes = words[0] in ("train", "sweep") and len(words) > 1 and "--help" not in words
    if composes and "-m" not in words:
        words += ["--cfg", "job"]
    elif "--help" not in words:
        words = [words[0], "--help"]
    if composes and words[0] == "sweep":  # several values of a key: the first will do
        words = [words[0], *(re.sub(r"(?<==)([^\[({']*?),.*", r"\1", word) for word in words[1:])]
    assert cli.main(words) == 0, capsys.readouterr().err


def test_there_are_commands():
    assert len(list(commands())) >= 6


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_the_smallest_p_values_in_the_table_of_the_report():
    from steadygan.report.statistics import LEVEL
    from steadygan.statistics.family_wise import seeds_needed, smallest_p

    page = (DOCS / "report.md").read_text()
    table = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|", page, flags=re.MULTILINE)
    assert len(table) == 5
    for methods, five, ten, needed in table:
        assert [float(f"{smallest_p(int(methods), seeds):.2g}") for seeds in (5, 10)] == [float(five), float(ten)]
        assert seeds_needed(int(methods), LEVEL) == int(needed)


# --- places in the code ---------------------------------------------------------------------------------------------

ROOT = DOCS.parent
PACKAGE = Path(cli.__file__).parent
PROSE = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
OPTIONS = sorted(path for folder in ("conf", "sweeps") for path in (ROOT / folder).rglob("*.yaml"))
FOLDERS = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {"benchmarks", "conf", "src", "sweeps", "tests"}


def missing_paths(text):
    """Paths in backticks or after a space, in the repository, the package or the example, that are none."""
    for path in re.findall(r"(?<![\w./])((?:[a-z_]\w*/)+(?:[a-z_]\w*(?:\.py|\.md|\.yaml)|(?=`)))", text):
        known = path.split("/")[0] in FOLDERS
        if known and not any((folder / path).exists() for folder in (ROOT, PACKAGE, PACKAGE / "core", EXAMPLE)):
            yield path


def missing_names(text):
    """Dotted names of modules, or of what is in them, that cannot be imported, or only by an old name."""
    for name in re.findall(r"(?<![\w./-])steadygan(?:\.[A-Za-z_]\w*)+", text):
        try:
            assert present_name(name) == name
            pydoc.resolve(name)
        except (AssertionError, ImportError):
            yield name


@pytest.mark.parametrize("path", [*PROSE, *OPTIONS], ids=lambda path: str(path.relative_to(ROOT)))
def test_places_that_are_named_exist(path):
    text = path.read_text()
    assert list(missing_paths(text)) == []
    assert list(missing_names(text)) == []


def test_a_place_that_does_not_exist_is_found():
    text = (
        "see `core/games/`, `training/nowhere.py`, steadygan.core.losses.Hinge, `steadygan.core.rules.Adam` and "
        "`steadygan.core.Adam`"
    )
    assert list(missing_paths(text)) == ["training/nowhere.py"]
    assert list(missing_names(text)) == ["steadygan.core.rules.Adam", "steadygan.core.Adam"]
