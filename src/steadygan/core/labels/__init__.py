"""Labels as tensors: which are given, codes of classes, and the classifier that a discriminator can be as well."""

from steadygan.core.labels.classifier import adversarial_logit, classification_loss
from steadygan.core.labels.codes import one_hot, size
from steadygan.core.labels.given import equal_weights, given_draws, given_rows, stated_share

__all__ = [
    "adversarial_logit",
    "classification_loss",
    "equal_weights",
    "given_draws",
    "given_rows",
    "one_hot",
    "size",
    "stated_share",
]
