"""Which metrics fit a data set, asked of what the data set offers."""

from typing import Any

from steadygan.common.errors import UserError, bad_value


def has_vectors(dataset: Any) -> bool:
    """Endless data of vectors ``[d]`` that can be sampled."""
    return callable(getattr(dataset, "sample", None)) and len(getattr(dataset, "shape", (0,))) == 1


def has_modes(dataset: Any) -> bool:
    """Return a mixture of Gaussians with known centres."""
    return has_vectors(dataset) and all(getattr(dataset, name, None) is not None for name in ("centers", "sigma"))


def has_components(dataset: Any) -> bool:
    """Vectors that tell by themselves which component they are of."""
    return has_modes(dataset) or (has_vectors(dataset) and callable(getattr(dataset, "component", None)))


def has_labels(dataset: Any) -> bool:
    """Several classes or components, and examples of them beside those that are trained on."""
    return has_labelled_images(dataset) or (has_vectors(dataset) and (getattr(dataset, "num_classes", None) or 0) > 1)


def has_images(dataset: Any) -> bool:
    """Images ``[C, H, W]`` in splits."""
    return callable(getattr(dataset, "examples", None)) and len(dataset.shape) == 3


def has_labelled_images(dataset: Any) -> bool:
    """Images ``[C, H, W]`` of several classes, on which a classifier can be trained."""
    several = (getattr(dataset, "num_classes", None) or 0) > 1
    return callable(getattr(dataset, "examples", None)) and several and len(dataset.shape) == 3


def fitting(dataset: Any) -> list[str]:
    """Return the names of the metrics that fit ``dataset``, the one that says most first."""
    offers = {
        "modes": has_modes(dataset),
        "exact_density": has_modes(dataset) and callable(getattr(dataset, "log_density", None)),
        "wasserstein": has_vectors(dataset),
        "fid": has_labelled_images(dataset),
        "inception_score": has_labelled_images(dataset),
        "sliced_wasserstein": has_images(dataset),
    }
    return [name for name, fits in offers.items() if fits]


def misfit(metric: str, dataset: Any, needs: str, otherwise: str = "") -> UserError:
    """Return the error for a metric that does not fit ``dataset``; names those that do, and what else would help."""
    problem = f"needs {needs}, which {type(dataset).__name__} has not" + (f"; {otherwise}" if otherwise else "")
    return bad_value("metrics", metric, problem, fitting(dataset))
