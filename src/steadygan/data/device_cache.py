"""A constant tensor, moved to a device and dtype once."""

import torch
from torch import Tensor


class DeviceCache:
    """Returns ``tensor`` on any device in any dtype; each copy is made once and cached."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._copies: dict[tuple[str, torch.dtype], Tensor] = {}

    def on(self, device: torch.device | str, dtype: torch.dtype) -> Tensor:
        """Return the tensor on that device in that dtype; not to be written to."""
        key = (str(device), dtype)
        if key not in self._copies:
            self._copies[key] = self._tensor.to(device, dtype)
        return self._copies[key]
