"""Settings that all metrics of features share, and files that are signed by content."""

import shutil

import numpy as np
import pytest
import torch

from steadygan.config.building import build
from steadygan.metrics.features import metric as features
from steadygan.runs.signature import signature

DIGITS = ["dataset=digits", "network=dcgan", "network.width=2", "logger=none", "metrics=[fid,kid]"]


def test_one_key_for_all_and_one_for_each(plain):
    config = plain(*DIGITS, "metrics.dtype=float64", "metrics.kid.dtype=float32", "metrics.kid.subset_size=100")
    metrics = build(config).metrics
    assert {name: metric.provenance["dtype"] for name, metric in metrics.items()} == {
        "fid": "float64",
        "kid": "float32",
    }
    own = plain(*DIGITS, "+metrics.features._target_=torch.nn.Flatten", "~metrics.kid")
    (metric,) = build(own).metrics.values()
    assert metric.provenance["feature_network"].endswith("Flatten")


def test_they_are_signed_where_they_are_used_only(plain):
    every = plain(*DIGITS, "metrics.dtype=float64")
    each = plain(*DIGITS, "metrics.fid.dtype=float64", "metrics.kid.dtype=float64")
    assert signature(every) == signature(each) != signature(plain(*DIGITS))
    ring = ["logger=none", "metrics=[modes]"]
    assert signature(plain(*ring, "metrics.dtype=float64")) == signature(plain(*ring))


@pytest.mark.parametrize("key", ["metrics.fid.statistics", "metrics.weights"])
def test_files_count_by_content(plain, tmp_path, monkeypatch, key):
    first, copy, other = (tmp_path / name for name in ("a.npz", "b.npz", "c.npz"))
    np.savez(first, mu=np.zeros(2), sigma=np.eye(2))
    shutil.copy(first, copy)
    np.savez(other, mu=np.ones(2), sigma=np.eye(2))
    signatures = [signature(plain(*DIGITS, f"{key}={path}")) for path in (first, copy, other)]
    assert signatures[0] == signatures[1] != signatures[2]
    none = signature(plain(*DIGITS))
    assert none not in signatures
    monkeypatch.setattr(features, "SHA256", features.file_hash(first))
    same = key == "metrics.weights"  # the published ones are these wherever they are
    assert (signature(plain(*DIGITS, f"{key}={copy}")) == none) == same
    assert signature(plain(*DIGITS, f"{key}={tmp_path / 'no'}")) != none


def test_metrics_of_one_run_share_one_network(plain):
    metrics = build(
        plain(*DIGITS, "+metrics.features._target_=torch.nn.Flatten", "metrics.kid.subset_size=100")
    ).metrics
    assert metrics["fid"].network is metrics["kid"].network
    assert isinstance(metrics["fid"].network.module, torch.nn.Flatten)
