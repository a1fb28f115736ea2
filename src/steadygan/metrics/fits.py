"""Which metrics fit a data set, asked of what the data set offers."""

from typing import TypeGuard

from steadygan.common.errors import UserError, bad_value
from steadygan.data.base import Components, Distribution, ImageData, LabelledImages, Modes


def has_vectors(dataset: object) -> TypeGuard[Distribution]:
    """Return whether these are endless data of vectors ``[d]`` that can be sampled."""
    return callable(getattr(dataset, "sample", None)) and len(getattr(dataset, "shape", (0,))) == 1


def has_modes(dataset: object) -> TypeGuard[Modes]:
    """Return whether this is a mixture of Gaussians with known centres."""
    return has_vectors(dataset) and all(getattr(dataset, name, None) is not None for name in ("centers", "sigma"))


def has_component(dataset: object) -> TypeGuard[Components]:
    """Return whether the data set tells vectors' components."""
    return has_vectors(dataset) and callable(getattr(dataset, "component", None))


def has_labels(dataset: object) -> bool:
    """Return whether there are several classes or components, and examples beside those that are trained on."""
    return has_labelled_images(dataset) or (has_vectors(dataset) and (dataset.num_classes or 0) > 1)


def has_splits(dataset: object) -> TypeGuard[ImageData]:
    """Return whether these are finite data in splits."""
    return callable(getattr(dataset, "examples", None))


def has_images(dataset: object) -> TypeGuard[ImageData]:
    """Return whether these are images ``[C, H, W]`` in splits."""
    return has_splits(dataset) and len(dataset.shape) == 3


def has_labelled_images(dataset: object) -> TypeGuard[LabelledImages]:
    """Return whether these are images ``[C, H, W]`` of several classes, on which a classifier can be trained."""
    return has_images(dataset) and (getattr(dataset, "num_classes", None) or 0) > 1


def fitting(dataset: object) -> list[str]:
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


def misfit(metric: str, dataset: object, needs: str, otherwise: str = "") -> UserError:
    """Return the error for a metric that does not fit ``dataset``; names those that do, and what else would help."""
    problem = f"needs {needs}, which {type(dataset).__name__} has not" + (f"; {otherwise}" if otherwise else "")
    return bad_value("metrics", metric, problem, fitting(dataset))


def labelled(metric: str, dataset: object) -> LabelledImages:
    """Return the data set if it has labelled images, else raise a ``UserError``."""
    if not has_labelled_images(dataset):
        raise misfit(metric, dataset, "labelled images")
    return dataset
