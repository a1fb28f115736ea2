"""A module as a function of its parameters and buffers."""

from collections.abc import Callable

from torch import Tensor, nn

from steadygan.core.types import Apply, Number, Tensors


def functional(module: nn.Module) -> Apply:
    """Return ``apply(params, buffers, *inputs, **kwargs) -> (output, new buffers)``, without a change to ``module``.

    The same as ``torch.func.functional_call`` on ``{**params, **buffers}``, but the places of the tensors are looked up
    once and not at every call, which costs a small network a third of its forward pass. Buffers must change by
    assignment in ``forward``; what was assigned is returned. Not re-entrant: one call at a time.
    """
    params = _slots(module, "_parameters")
    buffers = _slots(module, "_buffers")

    def apply(new_params: Tensors, new_buffers: Tensors, *inputs: Tensor, **kwargs: Number) -> tuple[Tensor, Tensors]:
        originals = [(home, key, home[key]) for slots in (params, buffers) for home, key, _ in slots]
        try:
            for home, key, name in params:
                home[key] = new_params[name]
            for home, key, name in buffers:
                home[key] = new_buffers[name]
            output = module(*inputs, **kwargs)
            return output, {name: home[key] for home, key, name in buffers}
        finally:
            for home, key, value in originals:
                home[key] = value

    return apply


def mirror(module: nn.Module) -> Callable[[Tensors], None]:
    """Return ``show(values)``: after it the parameters and buffers of ``module`` are those of ``values``, by name."""
    params = [(value, name) for name, value in module.named_parameters()]
    buffers = _slots(module, "_buffers")

    def show(values: Tensors) -> None:
        for parameter, name in params:
            parameter.data = values[name]
        for home, key, name in buffers:
            home[key] = values[name]

    return show


def _slots(module: nn.Module, kind: str) -> list[tuple[dict, str, str]]:
    """Return where each tensor of a kind lives: (a submodule's dict, its key there, its full name)."""
    return [
        (getattr(submodule, kind), key, f"{prefix}.{key}" if prefix else key)
        for prefix, submodule in module.named_modules()
        for key, value in getattr(submodule, kind).items()
        if value is not None
    ]


def tensors(module: nn.Module) -> tuple[Tensors, Tensors]:
    """Copies of the parameters and the buffers of a module, detached, by name."""
    copy = [
        {name: value.detach().clone() for name, value in named()}
        for named in (module.named_parameters, module.named_buffers)
    ]
    return copy[0], copy[1]
