"""Sources can be looked up: every citation stands in docs/references.bib, and every method cites its own."""

import ast
import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "steadygan"
BIBLIOGRAPHY = ROOT / "docs" / "references.bib"

UNIDENTIFIED = {
    "chen2000": "the publisher's DOI could not be verified; volume and pages are given",
    "ding2014": "NeurIPS of that year has no DOI and there is no preprint",
    "glorot2010": "PMLR has no DOI",
    "gretton2012": "JMLR has no DOI",
    "korpelevich1976": "a translated journal without DOI",
    "krizhevsky2009": "a technical report",
    "pan2019": "a course project",
    "pani": "an internship report",
    "ramakers": "a manuscript",
    "tieleman2012": "slides of a course",
    "welling2011": "ICML of that year has no DOI and there is no preprint",
    "westfall1993": "a book from before DOIs",
}
"""Entries with neither a DOI nor an arXiv id, and why."""

METHODS = (
    "core/losses",
    "core/regularizers",
    "core/noise",
    "core/optimizers",
    "core/games",
    "core/aggregation",
    "metrics",
    "metrics/features",
    "theory",
)
UNCITED = {
    "core/games/base.py": "what games share",
    "core/games/ratio.py": "a setting, ours",
    "core/noise/_identity.py": "no noise",
    "core/regularizers/norms.py": "arithmetic of penalties",
    "core/optimizers/base.py": "what rules share",
    "core/optimizers/controlled.py": "what rules with a covariance share",
    "core/optimizers/covariance.py": "arithmetic of covariances",
    "core/optimizers/eigen.py": "arithmetic of covariances",
    "core/optimizers/langevin.py": "what Langevin rules share",
    "core/optimizers/sgd.py": "gradient descent",
    "core/optimizers/shell.py": "a rule as an optimizer of torch",
    "core/aggregation/drawn.py": "ours",
    "metrics/accuracy.py": "the share of right answers",
    "metrics/features/cache.py": "files",
    "metrics/class_match.py": "the share of right classes",
    "metrics/features/classifier.py": "the small network of a data set, ours",
    "metrics/features/convnet.py": "the small network of a data set, ours",
    "metrics/exact_density.py": "ours",
    "metrics/features/metric.py": "what metrics of features share",
    "metrics/features/references.py": "what the data have of features",
    "metrics/fits.py": "which metrics fit which data",
    "metrics/features/network.py": "what feature networks share",
    "metrics/features/user_network.py": "a user's network",
    "metrics/features/real.py": "samples of the data",
    "metrics/base.py": "what metrics share",
    "metrics/features/statistics.py": "files",
    "theory/langevin.py": "derived here",
    "theory/zero_modes.py": "derived here",
}
"""Files of methods that cite nothing, and why."""

UNCITED_OPTIONS = {
    "discriminator/vote/mean": "see votes/mean.py",
    "discriminator/vote/random": "ours",
    "experiment/vanilla": "see experiment/minimax",
    "game/ratio": "a setting, ours",
    "metrics/class_histogram": "counts",
    "metrics/confidence": "ours",
    "method/sgld_cc_isotropic": "a control of method/sgld_cc",
    "method/sgd": "gradient descent, the control of the Langevin methods",
    "metrics/accuracy": "the share of right answers",
    "metrics/class_match": "the share of right classes",
    "metrics/exact_density": "ours",
    "noise/none": "no noise",
    "optimizer/sgd": "gradient descent",
    "scheme/none": "no scheme",
}
"""Options of conf/ that name no source, and why."""

GROUPS = ("experiment", "method", "loss", "regularizer", "noise", "optimizer", "game", "discriminator/vote", "network")
GROUPS += ("scheme", "scheme/distance", "metrics")

NAME = r"(?:van den )?[A-Z][\w-]+"
CITATION = re.compile(rf"({NAME}(?: et al\.| (?:&|and) {NAME}(?=,? \(?\d))),? \(?((?:19|20)\d\d)\b")
"""``Mescheder et al. 2018``, ``Lim & Ye (2017)``; one author alone cannot be told from other words before a year."""
ITEM = re.compile(
    r"(?P<label>\D+?) \((?P<year>\d{4}|undated)\)(?:, [^:]+?)?(?:, (?P<id>(?:arXiv|doi):\S+))?(?: \(.+\))?"
)
SHORTHAND = re.compile(r"\bseeds? [A-E](?:\d|\b)", re.IGNORECASE)


def plain(name):
    """The name in ASCII, as code writes it."""
    spelled = name.replace("ø", "oe").replace("ı", "i")
    return "".join(c for c in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(c))


@cache
def entries():
    """The fields of each entry, by key."""
    found = re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", BIBLIOGRAPHY.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(found) == len({key for key, _ in found}) == BIBLIOGRAPHY.read_text().count("\n@")
    return {key: dict(re.findall(r"^  (\w+) = \{(.*)\},$", body, flags=re.MULTILINE)) for key, body in found}


def label(entry):
    """``White``, ``Lim and Ye``, ``Mescheder et al.``."""
    names = [plain(author.split(",")[0]) for author in entry["author"].split(" and ")]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."


def cited_as(entry):
    return label(entry), entry.get("year", "undated")


def identifiers(entry):
    prefixes = {"eprint": "arXiv", "doi": "doi"}
    return {f"{prefix}:{entry[field]}" for field, prefix in prefixes.items() if field in entry}


def documented(tree):
    """Docstrings of a module and of all that it defines."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [text for node in ast.walk(tree) if isinstance(node, kinds) and (text := ast.get_docstring(node))]


@cache
def references():
    """``(file, item)`` of each item of each ``Reference:`` line in ``src``, in the order of the files."""
    found = []
    for path in sorted(SRC.rglob("*.py")):
        for text in documented(ast.parse(path.read_text())):
            for paragraph in re.findall(r"^Reference: (.+?)(?:\n\n|\Z)", text, flags=re.MULTILINE | re.DOTALL):
                items = re.sub(r"\s+", " ", paragraph).strip().removesuffix(".").split("; ")
                found += [(path.relative_to(SRC).as_posix(), item) for item in items]
    return found


def texts():
    """``(path, text)`` of all that people read."""
    places = ("src", "conf", "docs", "sweeps", "benchmarks", "tests", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
    for place in places:
        paths = [ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*"))
        for path in paths:
            if path.suffix in (".py", ".yaml", ".md", ".j2") and path != Path(__file__):
                yield path.relative_to(ROOT).as_posix(), path.read_text()


@pytest.mark.parametrize("key", entries())
def test_entries_can_be_found(key):
    entry = entries()[key]
    assert entry["author"]
    assert entry["title"]
    assert entry.get("year", "").isdigit() or "undated" in entry["howpublished"]
    assert bool(identifiers(entry)) != (key in UNIDENTIFIED)
    assert re.fullmatch(r"\d{4}\.\d{4,5}", entry.get("eprint", "0000.0000"))
    assert re.fullmatch(r"10\.\d{4,}/\S+", entry.get("doi", "10.0000/0"))


def test_no_two_entries_are_one_paper():
    ids = [name for entry in entries().values() for name in identifiers(entry)]
    assert len(ids) == len(set(ids))


def test_references_resolve():
    """Authors, year and id of each are those of one entry."""
    assert len(references()) > 100
    for path, item in references():
        match = ITEM.fullmatch(item)
        assert match, f"{path}: {item!r}"
        same = [entry for entry in entries().values() if cited_as(entry) == (match["label"], match["year"])]
        assert same, f"{path}: {item!r} is not in {BIBLIOGRAPHY.name}"
        known = set().union(*map(identifiers, same))
        assert match["id"] in known if known else match["id"] is None, f"{path}: {item!r}, known as {known}"


def test_citations_in_passing_resolve():
    """Those in prose, in comments of options, in docs."""
    known = {cited_as(entry) for entry in entries().values()}
    for path, text in texts():
        for name, year in CITATION.findall(re.sub(r"\n\s*#?\s*", " ", text)):
            assert (name.replace("&", "and"), year) in known, f"{path}: {name} {year}"


def test_links_of_the_docs_are_to_papers_of_the_bibliography():
    known = set().union(*map(identifiers, entries().values()))
    for path, text in texts():
        for name in re.findall(r"https?://arxiv\.org/\w+/(\d{4}\.\d{4,5})", text):
            assert f"arXiv:{name}" in known, f"{path}: arXiv:{name}"


def url(entry):
    """Where a reader finds the paper; the bibliography itself where that is nowhere."""
    if "eprint" in entry:
        return f"https://arxiv.org/abs/{entry['eprint']}"
    return f"https://doi.org/{entry['doi']}" if "doi" in entry else entry.get("url", BIBLIOGRAPHY.name)


PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "config.md"]
LINKED = re.compile(r"^\[(\D+?),?(?: \(?(\d{4})\)?)?(?:, (\w+))?\]: (\S+)$", re.MULTILINE)
"""``[Mescheder et al. 2018]: https://...``, perhaps with the name of a method where a year has two papers."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_citations_of_the_docs_are_links(page):
    """Each is one, to its own paper."""
    text = page.read_text()
    targets = {}
    for name, year, method, target in LINKED.findall(text):
        entry = (name.replace("&", "and"), year or "undated")
        assert target in {url(e) for e in entries().values() if cited_as(e) == entry}, f"{name} {year}"
        assert targets.setdefault((entry, method), target) == target
    flat = re.sub(r"\s+", " ", text)
    for match in CITATION.finditer(flat):
        assert flat[match.start() - 1] == "[", flat[match.start() - 40 : match.end()]


def test_methods_cite():
    citing = {path for path, _ in references()}
    files = {
        path.relative_to(SRC).as_posix()
        for place in METHODS
        for path in (SRC / place).glob("*.py")
        if path.name != "__init__.py"
    }
    assert files - citing == set(UNCITED) & files
    assert set(UNCITED) <= files


def test_options_name_their_source():
    short = {f"{label(entry)} {entry.get('year', '')}".strip() for entry in entries().values()}
    silent = set()
    for group in GROUPS:
        for path in (ROOT / "conf" / group).glob("*.yaml"):
            comments = " ".join(re.findall(r"#(.*)", path.read_text())).replace(" & ", " and ")
            comments = re.sub(r"\s+", " ", comments).replace("(", "").replace(")", "")
            if not any(name in comments for name in short):
                silent.add(f"{group}/{path.stem}")
    assert silent == set(UNCITED_OPTIONS)


def test_every_entry_is_used():
    everything = re.sub(r"\s+#?\s*", " ", " ".join(text for _, text in texts())).replace(" & ", " and ")
    everything = everything.replace("(", "").replace(",", "")
    for key, entry in entries().items():
        name, year = cited_as(entry)
        assert f"{name} {year}".removesuffix(" undated") in everything, key
        ids = identifiers(entry)
        assert not ids or any(other in everything for other in ids) or f"{name} {year}" in everything, key


def test_no_private_shorthand():
    for path, text in texts():
        assert not SHORTHAND.search(text), f"{path}: {SHORTHAND.search(text)}"
