"""Networks that are told a class, made of networks of any family that are not.

A generator is given a code of the class beside its latent, or has a scale and a shift of each class in its batch
normalisation. A discriminator is given a code beside its input (vectors and networks that flatten their input: beside
the vector; convolutions: as constant channels), or projects its features on a learnt vector of the class.
"""

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn

from steadygan.common.errors import bad_value
from steadygan.core.declare import declared
from steadygan.core.labels import one_hot
from steadygan.core.settings import fields
from steadygan.core.types import Number
from steadygan.networks.base import Critic
from steadygan.networks.checks import Shape
from steadygan.networks.codes import Code

PARTS = ("features", "head", "num_features", "linear")
"""What a discriminator needs to project its features."""


class Conditional(nn.Module):
    """A network of images or vectors within one that takes a class as well.

    All take the ``shape`` of one example, the ``builder`` of the inner network, and how many ``classes`` there are;
    ``place`` are ``stage`` and ``fade`` of a network that grows. A builder that does not fit is a ``UserError``.
    """

    @property
    def sizes(self) -> Shape | None:
        """Sizes of the stages of a network that grows."""
        return getattr(self.inner, "sizes", None)


class ConditionalGenerator(Conditional):
    """``z [B, latent], c [B] -> x [B, *shape]``: the code of c, which ``code`` makes, behind z."""

    def __init__(self, shape: Shape, builder: Callable[..., nn.Module], classes: int, code: Callable[[], Code]) -> None:
        super().__init__()
        self.latent, self.classes = fields(builder).get("latent"), classes
        if self.latent is None:
            raise bad_value("labels", "conditional", "needs a generator with the key `latent`", ["none"])
        self.code = code()
        self.inner = builder(shape=shape, latent=self.latent + self.code.size)

    def forward(self, z: Tensor, label: Tensor, **place: Number) -> Tensor:
        return self.inner(torch.cat([z, self.code(label, z)], 1), **place)


class NormalisedGenerator(Conditional):
    """``z [B, latent], c [B] -> x [B, *shape]``: the scales and shifts of its batch normalisation are those of c.

    Args:
        builder: of a generator that declares ``told``: it takes the keyword ``classes``, and one-hot codes beside z.
        classes: those that can be asked for.
        told: those that the network knows of, with the unknown one where there is one.
    """

    def __init__(self, shape: Shape, builder: Callable[..., nn.Module], classes: int, told: int) -> None:
        super().__init__()
        if not declared(builder, "told", False) or "latent" not in fields(builder):
            problem = "needs a generator with batch normalisation that can be told a class, which this network's is not"
            raise bad_value("labels.generator", "batch_norm", problem, ["concatenate"])
        self.latent, self.classes, self.told = fields(builder).get("latent"), classes, told
        self.inner = builder(shape=shape, classes=told)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.inner(z, one_hot(label, self.told, z.dtype))


class ConcatenatingDiscriminator(Conditional):
    """``x [B, *shape], c [B] -> logits [B]``: the code of c, which ``code`` makes, beside x.

    A discriminator whose builder declares ``flat`` takes images as vectors.
    """

    def __init__(self, shape: Shape, builder: Callable[..., nn.Module], classes: int, code: Callable[[], Code]) -> None:
        super().__init__()
        self.code = code()
        self.flat = len(shape) == 1 or declared(builder, "flat", False)
        first, *rest = (prod(shape),) if self.flat else shape
        self.inner = builder(shape=(first + self.code.size, *rest))

    def forward(self, x: Tensor, label: Tensor, **place: Number) -> Tensor:
        code = self.code(label, x)
        if self.flat:
            return self.inner(torch.cat([x.flatten(1), code], 1), **place)
        return self.inner(torch.cat([x, code[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1), **place)


class ProjectionDiscriminator(Conditional):
    """``x [B, *shape], c [B] -> logits [B]``: ``psi(h(x)) + <e(c), h(x)>``.

    The builder makes a discriminator with ``features(x) -> [B, num_features]``, ``head(features) -> [B, 1]``, and
    ``linear``, the kind of its linear layers: with spectral norm the projection has it, too, as in the paper. ``code``
    is not used.

    Reference: Miyato and Koyama (2018), eq. 3, arXiv:1802.05637.
    """

    inner: Critic

    def __init__(self, shape: Shape, builder: Callable[..., Critic], classes: int, code: Callable[[], Code]) -> None:
        super().__init__()
        self.classes = classes
        self.inner = builder(shape=shape)
        if missing := [part for part in PARTS if not hasattr(self.inner, part)]:
            problem = f"needs a discriminator with {', '.join(missing)}, which {type(self.inner).__name__} lacks"
            raise bad_value("labels.how", "projection", problem, ["concatenate", "embedding"])
        self.embedding = self.inner.linear(classes, self.inner.num_features, bias=False)

    def forward(self, x: Tensor, label: Tensor, **place: Number) -> Tensor:
        features = self.inner.features(x, **place)
        projected = self.embedding(one_hot(label, self.classes, x.dtype))
        return self.inner.head(features).squeeze(1) + (projected * features).sum(1)
