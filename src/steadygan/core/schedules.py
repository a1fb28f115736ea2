"""Numbers that depend on the iteration: ``value = schedule(t)``.

All but ``Constant`` and ``Polynomial`` go from the value ``start`` to the value ``end``: they are ``start`` until
iteration ``begin``, ``end`` from iteration ``finish`` on, and differ in between. A ``finish`` that is not after
``begin`` makes a jump at ``begin``. Values are chosen by ``torch.where``, so ``t`` and all numbers may be tensors of
any shapes that broadcast; the result is a tensor, float64 for a plain ``t``.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.core.declare import declare, finite, nonnegative, positive
from steadygan.core.types import Number

_LAST = 2.0**53
"""Iterations: up to here float64 has all whole numbers."""


def _time(t: Number) -> Tensor:
    """Iterations in float64, where all whole numbers that matter are exact."""
    return t.to(torch.float64) if isinstance(t, Tensor) else torch.tensor(t, dtype=torch.float64)


def _mix(start: Number, end: Number, share: Tensor) -> Tensor:
    """``start`` at share 0, ``end`` at share 1, exactly, and never beyond them."""
    step = end - start
    return torch.where(share < 0.5, start + step * share, end - step * (1 - share))


@declare(value=finite)
@dataclass(frozen=True)
class Constant:
    """``value`` at all iterations."""

    value: Number

    def __call__(self, t: Number) -> Tensor:
        return self.value + 0 * _time(t)

    def extremes(self) -> tuple[Number, ...]:
        """Return the values that it can reach."""
        return (self.value,)


@declare(a=positive, b=positive, c=nonnegative)
@dataclass(frozen=True)
class Polynomial:
    """Polynomial decay.

    ``a (b + t)^-c``: a step size that decays by ``0.5 < c <= 1`` has an infinite
    sum and a finite sum of squares, with which SGLD converges.

    Attributes:
        a: the value at ``b + t = 1``.
        b: iterations; the first value is ``a b^-c``.
        c: the power of the decay.

    Reference: Welling and Teh (2011), section 4.1.
    """

    a: Number
    b: Number
    c: Number

    def __call__(self, t: Number) -> Tensor:
        return self.a * (self.b + _time(t)) ** -self.c

    def extremes(self) -> tuple[Number, ...]:
        """Return the first value, and the value at the last iteration that can be counted: it never gets to 0."""
        return (self.a * self.b**-self.c, self.a * (self.b + _LAST) ** -self.c)


@declare(start=finite, end=finite, begin=nonnegative, finish=nonnegative)
@dataclass(frozen=True)
class _Ramp:
    """The way from ``start`` to ``end``.

    Attributes:
        start: the value until iteration ``begin``.
        end: the value from iteration ``finish`` on.
        begin: iterations.
        finish: iterations.
    """

    start: Number
    end: Number
    begin: Number
    finish: Number

    def extremes(self) -> tuple[Number, ...]:
        """Return the values between which it stays."""
        return (self.start, self.end)

    def _progress(self, t: Number) -> Tensor:
        """Return the share of the way in time, in [0, 1]."""
        since = _time(t) - self.begin
        length = _time(self.finish) - self.begin
        ramp = (since / torch.where(length > 0, length, 1.0)).clamp(0, 1)
        return torch.where(length > 0, ramp, (since >= 0).to(ramp.dtype))


@dataclass(frozen=True)
class Linear(_Ramp):
    """A straight line.

    Reference: Pani (undated), section 4.2.
    """

    def __call__(self, t: Number) -> Tensor:
        return _mix(self.start, self.end, self._progress(t))


@dataclass(frozen=True)
class Step(_Ramp):
    """A jump at ``begin``. ``finish`` has no effect: shapes can be swept over.

    Reference: Pani (undated), section 4.2.
    """

    def __call__(self, t: Number) -> Tensor:
        return _mix(self.start, self.end, (_time(t) >= self.begin).to(torch.float64))


@dataclass(frozen=True)
class Smoothstep(_Ramp):
    """``3 s^2 - 2 s^3`` of the linear share ``s``: no kinks.

    Reference: Pani (undated), section 4.2.
    """

    def __call__(self, t: Number) -> Tensor:
        share = self._progress(t)
        return _mix(self.start, self.end, share * share * (3 - 2 * share))


@dataclass(frozen=True)
class Cosine(_Ramp):
    """Half a period of a cosine, one cycle.

    Reference: Loshchilov and Hutter (2017), eq. 5, arXiv:1608.03983.
    """

    def __call__(self, t: Number) -> Tensor:
        return _mix(self.start, self.end, (1 - torch.cos(math.pi * self._progress(t))) / 2)


@declare(start=positive, end=positive)
@dataclass(frozen=True)
class Exponential(_Ramp):
    """Change by the same factor at each iteration: ``start (end / start)^s``; both values must be greater than 0."""

    def __call__(self, t: Number) -> Tensor:
        share = self._progress(t)
        return torch.where(share < 1, self.start * (self.end / self.start) ** share, self.end)
