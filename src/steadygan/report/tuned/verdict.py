"""What a tuned comparison allows to be said, in words."""

from collections.abc import Iterator, Sequence

import numpy as np

from steadygan.report.tuned.edges import edges
from steadygan.report.tuned.records import Tuned
from steadygan.report.tuned.tables import Standing
from steadygan.report.verdict import number_text
from steadygan.statistics import decide, probability_of_improvement, seeds_to_decide


def verdict(tuned: Tuned, standing: Standing) -> list[str]:
    """Return sentences of a data set, the main one first."""
    missing = list(_missing(tuned, standing))
    if not standing.names:
        return missing or ["No verdict: no method has final runs yet."]
    return [
        *_best(standing),
        *_floor(tuned, standing),
        *missing,
        *_failures(standing),
        *_lost(tuned, standing),
        *_settings(tuned, standing),
    ]


def _best(standing: Standing) -> Iterator[str]:
    names = standing.names
    if len(names) == 1:
        yield f"Only {names[0]} has final runs: there is nothing to compare."
        return
    best, words = names[0], standing.pairs.decisions[0]
    by_word = {word: [name for name, said in zip(names[1:], words[1:]) if said == word] for word in set(words[1:])}
    seeds = standing.pairs.improvements[0][1].pairs
    head = f"{best} has the lowest median ({number_text(standing.methods[0].median)}, {seeds} seeds)"
    if by_word.get("better"):
        yield f"{head} and is better than {_list(by_word['better'])}."
    else:
        yield f"{head}; that it is better than another method is not shown."
    if by_word.get("alike"):
        yield f"{_list([best, *by_word['alike']])} are alike: P(better) lies within 0.25 and 0.75."
    if by_word.get("worse"):
        yield f"Seed by seed it is nevertheless worse than {_list(by_word['worse'])}."
    for name in by_word.get("open", []):
        yield _open(standing, best, name)


def _open(standing: Standing, first: str, second: str) -> str:
    improvement = standing.pairs.improvements[0][standing.names.index(second)]
    needed = seeds_to_decide(improvement)
    more = "no number of seeds would decide it at this estimate" if needed is None else ""
    if needed is not None:
        more = f"about {max(needed, improvement.pairs + 1)} seeds would decide it"
    return (
        f"Open: {first} against {second}, P(better) = {improvement.estimate:.2f} "
        f"({improvement.low:.2f} to {improvement.high:.2f}); {more}."
    )


def _floor(tuned: Tuned, standing: Standing) -> Iterator[str]:
    floor = tuned.floor(standing.dataset)
    if not floor:
        return
    middle, highest = float(np.median(floor)), max(floor)
    at_floor = [row.method for row in standing.methods if row.median <= highest]
    yield f"Real examples get {number_text(middle)} (at most {number_text(highest)})."
    if len(at_floor) > 1:
        yield f"{_list(at_floor)} lie at this floor: these data cannot tell them apart."


def _missing(tuned: Tuned, standing: Standing) -> Iterator[str]:
    for name, node in tuned.methods(standing.dataset).items():
        if node.get("candidates") == []:
            yield f"{name}: all runs of the search failed, so it has no tuned setting."
    waiting = [name for name, node in tuned.methods(standing.dataset).items() if node.get("candidates") is None]
    if waiting:
        yield f"The search is not over for {_list(waiting)}."
    chosen = [
        name
        for name, node in tuned.methods(standing.dataset).items()
        if node.get("candidates") and node.get("tuned") is None
    ]
    if chosen:
        yield f"The selection is not over for {_list(chosen)}."
    seeds = len(tuned.about["stages"]["final"]["seeds"])
    short = [f"{row.method} ({row.runs} of {seeds})" for row in standing.methods if 0 < row.runs < seeds]
    if short:
        yield f"Final runs are missing of {_list(short)}."


def unfinished(tuned: Tuned, standing: Standing) -> str | None:
    """Return the command that goes on with a data set; None where nothing is missing."""
    commands = [str(each).replace(" --dry-run", "") for each in tuned.about.get("commands", [])]
    nodes = tuned.methods(standing.dataset).values()
    waiting = any(node.get("candidates") is None or (node["candidates"] and not node.get("tuned")) for node in nodes)
    seeds = len(tuned.about["stages"]["final"]["seeds"])
    short = any(row.tuned and row.runs < seeds for row in standing.methods)
    return commands[-1] if commands and (waiting or short) else None


def _failures(standing: Standing) -> Iterator[str]:
    failed = [f"{row.method} ({row.failed} of {row.runs})" for row in standing.methods if row.failed]
    if failed:
        yield f"Failed final runs: {_list(failed)}; each counts as the worst possible score."


def _lost(tuned: Tuned, standing: Standing) -> Iterator[str]:
    """Yield which methods have got worse between the length of the search and the end."""
    final = tuned.of(standing.dataset, "final")
    worse = []
    for name in standing.names:
        scores = np.array([(each.score, each.longer) for each in final if each.method == name])
        if decide(probability_of_improvement(scores[:, 0], scores[:, 1])) == "better":
            worse.append(name)
    if worse:
        yield f"Trained on for as long again, {_list(worse)} lost in most seeds what had been reached."


def _settings(tuned: Tuned, standing: Standing) -> Iterator[str]:
    at_edge = [
        f"{name} ({', '.join(keys)})" for name, node in tuned.methods(standing.dataset).items() if (keys := edges(node))
    ]
    if at_edge:
        yield f"At the edge of its range, which may be too narrow, is the tuned setting of {_list(at_edge)}."


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
