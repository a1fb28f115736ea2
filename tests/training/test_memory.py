import sys

import pytest
import torch

from steadygan.training.memory import forget_peak, peak


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets")
def test_the_peak_of_each_run_is_its_own():
    forget_peak()
    before = peak()["process_mb"]
    block = torch.ones(200 * 2**18)  # 200 MB
    during = peak()["process_mb"]
    del block
    assert 190 < during - before < 260
    assert peak()["process_mb"] == pytest.approx(during, abs=5), "a peak stays (the kernel counts in batches)"
    forget_peak()
    assert peak()["process_mb"] < during - 100
