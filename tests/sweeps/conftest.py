"""What tests of sweeps share."""

import pytest

from steadygan import train


@pytest.fixture
def plan(compose, tmp_path):
    """``plan(*overrides)``: a job in a folder of the test's own, without logger and metrics."""

    def call(*overrides):
        given = ["logger=none", "metrics=[]", f"outputs={tmp_path}", *overrides]
        return train.plan(compose(*given), given)

    return call
