"""Metrics of features against independent implementations, and what they must be at the ends of their scales."""

import json
import math

import numpy as np
import pytest
import torch
from scipy.stats import linregress
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torchmetrics.image.fid import _compute_fid

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.metrics.classes import ClassHistogram, IntraFID, histogram_scores
from steadygan.metrics.fid import FID, TestFID
from steadygan.metrics.fid_infinity import FIDInfinity, at_infinity, fid_of
from steadygan.metrics.frechet import Reference
from steadygan.metrics.kid import KID, squared_mmd, subsets
from steadygan.metrics.manifolds import (
    DensityCoverage,
    PrecisionRecall,
    balls,
    density_coverage,
    precision_recall,
    squared_radii,
)
from steadygan.training.evaluation import score

ALL = [FID, TestFID, KID, PrecisionRecall, DensityCoverage, FIDInfinity, ClassHistogram]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEADYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def clouds(seed=0, n=60, m=80, d=5):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), 0.7 * rng.standard_normal((m, d)) + 0.4


def tensors(*arrays):
    return [torch.tensor(array) for array in arrays]


def digits(count, seed=0, sigma=0.3):
    source = torch.Generator().manual_seed(seed)
    x, y = Digits().examples("train")
    rows = torch.randint(len(x), (count,), generator=source)
    return x[rows] + sigma * torch.randn(count, *x.shape[1:], generator=source), y[rows]


def few_digits(count):
    """A data set of the first of them."""
    few, (x, y) = Digits(), Digits().examples("train")
    few.examples = lambda split: (x[:count], y[:count])
    return few


def measured(metric, x, *more):
    metric.reset()
    metric.update(x, *more)
    return metric.compute()


# --- kernel distance ------------------------------------------------------------------------------------------------


def mmd(x, y):
    """By hand, with scikit-learn's kernel."""
    kernel = {"degree": 3, "gamma": 1 / x.shape[1], "coef0": 1}
    xx, yy, xy = (polynomial_kernel(a, b, **kernel) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    off = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    return sum(off) - 2 * xy.sum() / (n * m)


def test_each_subset_by_hand():
    x, y = clouds()
    source = torch.Generator().manual_seed(1)
    chosen = subsets(4, 20, len(x), source), subsets(4, 30, len(y), source)
    expected = [mmd(x[a.bool().numpy()], y[b.bool().numpy()]) for a, b in zip(*chosen)]
    assert squared_mmd(*tensors(x, y), *chosen).tolist() == pytest.approx(expected, rel=1e-10)
    assert [int(value) for value in chosen[0].sum(1)] == [20] * 4
    assert not torch.equal(chosen[0][0], chosen[0][1])


def test_no_bias_between_samples_of_one_distribution():
    x = torch.randn(1500, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    source = torch.Generator().manual_seed(3)
    values = squared_mmd(x[:700], x[700:], subsets(200, 50, 700, source), subsets(200, 50, 800, source))
    assert abs(float(values.mean())) < 4 * float(values.std()) / 200**0.5
    assert float(values.min()) < 0


def test_kid_equals_torch_fidelity():
    theirs = pytest.importorskip("torch_fidelity.metric_kid").kid_features_to_metric
    x, y = clouds(4, 50, 50, 7)
    said = theirs(*tensors(x, y), kid_subsets=2, kid_subset_size=50, rng_seed=0, verbose=False)
    ours = squared_mmd(*tensors(x, y), torch.ones(1, 50).double(), torch.ones(1, 50).double())
    assert float(ours[0]) == pytest.approx(said["kernel_inception_distance_mean"], rel=1e-9)


def test_the_metric_says_mean_and_spread_of_its_subsets():
    metric = KID(Digits(), samples=300, subsets=7, subset_size=120, reference_samples=500)
    x, _ = digits(300)
    found = measured(metric, x)
    features = metric.network(x)[0]
    from steadygan.core.draws import generator

    source = generator(0, "metric/kid")
    chosen = subsets(7, 120, 300, source), subsets(7, 120, 500, source)
    values = [mmd(features[a.bool()].numpy(), metric.real[b.bool()].numpy()) for a, b in zip(*chosen)]
    assert found == {"kid": pytest.approx(np.mean(values), rel=1e-9), "kid_std": pytest.approx(np.std(values))}


def test_one_subset_has_no_spread():
    """Where each subset is all there is they are one and the same: its value, and no deviation of 0."""
    x, _ = digits(50)
    few = few_digits(50)
    whole = KID(few, samples=50, subsets=30, subset_size=50, features=Pixels())
    assert (set(whole.directions), whole.provenance["subsets"]) == ({"kid"}, 1)
    features = whole.network(x)[0].numpy()
    assert measured(whole, x) == {"kid": pytest.approx(mmd(features, whole.real.numpy()), rel=1e-9)}
    assert set(KID(few, samples=50, subsets=30, subset_size=49, features=Pixels()).directions) == {"kid", "kid_std"}
    assert set(KID(few, samples=50, subsets=1, subset_size=49, features=Pixels()).directions) == {"kid"}


# --- neighbours -----------------------------------------------------------------------------------------------------


def by_neighbours(real, fake, k):
    """``inside[j, i]``: whether fake j is in the ball of real i; and the other way round."""

    def inside(x, of):
        radius = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(of).kneighbors(of)[0][:, -1]
        return np.linalg.norm(x[:, None] - of[None], axis=2) <= radius

    return inside(fake, real), inside(real, fake)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_by_scikit_learns_neighbours(k):
    real, fake = clouds(5)
    in_real, in_fake = by_neighbours(real, fake, k)
    expected = in_real.any(1).mean(), in_fake.any(1).mean()
    assert 0 < min(expected) < 1
    assert precision_recall(*tensors(real, fake), k) == pytest.approx(expected)
    expected = in_real.sum() / (k * len(fake)), in_real.any(0).mean()
    assert density_coverage(*tensors(real, fake), k) == pytest.approx(expected)


def test_large_sets_are_cut_without_a_trace(monkeypatch):
    real, fake = tensors(*clouds(6))
    whole = precision_recall(real, fake, 3), density_coverage(real, fake, 3)
    monkeypatch.setattr("steadygan.metrics.manifolds._ROWS", 7)
    assert (precision_recall(real, fake, 3), density_coverage(real, fake, 3)) == whole


def test_precision_and_recall_equal_torch_fidelity():
    theirs = pytest.importorskip("torch_fidelity.metric_prc").prc_features_to_metric
    real, fake = tensors(*clouds(7))
    said = theirs(fake, real, prc_neighborhood=3, prc_batch_size=1000, save_cpu_ram=False, verbose=False)
    assert precision_recall(real, fake, 3) == pytest.approx((said["precision"], said["recall"]), abs=1e-6)


def test_collapse_is_precise_and_recalls_nothing():
    x = Digits().examples("train")[0]
    collapsed, everything = x[:1].repeat(200, 1, 1, 1), x[:500]
    prc, dc = (kind(Digits(), samples=500) for kind in (PrecisionRecall, DensityCoverage))
    assert measured(prc, collapsed) == {"precision": 1.0, "recall": pytest.approx(0, abs=0.01)}
    assert measured(prc, everything)["precision"] == 1.0
    assert measured(prc, everything)["recall"] > 0.8
    assert measured(dc, collapsed)["coverage"] < 0.02
    assert measured(dc, everything)["coverage"] > 0.7
    assert measured(prc, torch.rand(200, 1, 8, 8) * 2 - 1)["precision"] < 0.5


# --- to infinity ----------------------------------------------------------------------------------------------------


def test_the_intercept_is_that_of_the_line():
    sizes, values = [100, 200, 300, 500], [9.0, 5.2, 4.1, 3.0]
    assert at_infinity(sizes, values) == pytest.approx(linregress(1 / np.array(sizes), values).intercept)
    assert at_infinity([10, 20, 40], [3 + 5 / n for n in (10, 20, 40)]) == pytest.approx(3)


@pytest.mark.parametrize("count", [5, 40])
def test_the_distance_on_few_and_on_many(count):
    x, y = clouds(8, count, 90, 8)
    statistics = [(value.mean(0), np.cov(value.T)) for value in (x, y)]
    reference = Reference.of(*statistics[1])
    theirs = _compute_fid(*tensors(*statistics[0], *statistics[1]))
    assert fid_of(torch.tensor(x), reference) == pytest.approx(float(theirs), rel=1e-6)


def test_extrapolation_comes_nearer_to_the_truth():
    # two Gaussians of unit covariance: the distance is that of their means, here 1
    reference, sizes = Reference.of(np.zeros(20), np.eye(20)), list(range(300, 1501, 200))
    many, extrapolated = [], []
    for seed in range(20):
        x = torch.randn(1500, 20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        x[:, 0] += 1
        values = [fid_of(x[:size], reference) for size in sizes]
        many.append(values[-1])
        extrapolated.append(at_infinity(sizes, values))
    assert np.mean(many) > 1.05
    assert abs(np.mean(extrapolated) - 1) < 0.3 * (np.mean(many) - 1)


def test_the_metric_draws_a_line_through_growing_subsets():
    metric = FIDInfinity(Digits(), samples=1500, least=500, points=5)
    x, _ = digits(1500)
    assert measured(metric, x)["fid_infinity"] < measured(FID(Digits(), samples=1500), x)["fid"]
    assert metric.provenance["points"] == 5


# --- fid ------------------------------------------------------------------------------------------------------------


def test_fid_of_fewer_samples_than_features(caplog):
    few = FID(Digits(), samples=40)
    FID(Digits(), samples=40)
    FID(Digits(), samples=65)
    FIDInfinity(Digits(), samples=40, least=20)
    IntraFID(Digits(), samples=640)
    IntraFID(Digits(), samples=650)
    reported = [record.getMessage() for record in caplog.records]
    assert [text.partition(":")[0] for text in reported] == [
        "metrics.fid.samples=40",
        "metrics.fid_infinity.least=20",
        "metrics.intra_fid.samples/classes=64",
    ], "each once, and of no more than the features only"
    assert all("the covariance of the samples is singular and the score far above" in text for text in reported)
    x, _ = digits(40)
    features = few.network(x)[0]
    expected = _compute_fid(features.mean(0), features.mT.cov(), few.statistics.mean, few.statistics.cov)
    assert measured(few, x)["fid"] == pytest.approx(float(expected), rel=1e-4)


def test_few_samples_of_one_class_are_told(caplog):
    """Enough in the mean over classes, but the data have one that is rare."""
    x, _ = digits(700)
    label = torch.cat([torch.arange(10).repeat_interleave(3), torch.zeros(670, dtype=torch.int64)])
    metric = IntraFID(Digits(), samples=700)
    assert not caplog.records
    metric.update(x, label)
    metric.compute()
    (reported,) = caplog.records
    assert reported.getMessage().startswith(
        "metrics.intra_fid.samples of the rarest class=3: no more than the 64 features"
    )


def test_the_gap_between_the_splits_is_memorisation():
    train, test = Digits().examples("train")[0], Digits().examples("test")[0]
    to_train, to_test = FID(Digits(), samples=len(train)), TestFID(Digits(), samples=len(train))
    assert measured(to_train, train)["fid"] < 1e-3 < measured(to_test, train)["fid_test"]
    assert measured(to_test, test)["fid_test"] < 1e-3
    assert (to_train.provenance["split"], to_test.provenance["split"]) == ("train", "test")


# --- classes --------------------------------------------------------------------------------------------------------


def test_the_histogram_by_hand():
    counts, real = torch.tensor([30, 10, 0, 60]), torch.tensor([10, 10, 10, 10])
    expected = 0.3 * math.log(0.3 / 0.25) + 0.1 * math.log(0.1 / 0.25) + 0.6 * math.log(0.6 / 0.25)
    assert histogram_scores(counts, real, 0.25) == pytest.approx((3, expected))
    assert histogram_scores(counts, real, 0.5) == pytest.approx((2, expected))
    assert histogram_scores(real * 3, real, 1.0) == pytest.approx((4, 0), abs=1e-12)
    assert histogram_scores(0 * counts, real, 0.25) == (0, pytest.approx(math.log(4)))


def test_a_class_that_the_data_do_not_have_is_not_there():
    real = torch.tensor([50, 0, 50])
    assert histogram_scores(torch.tensor([30, 0, 10]), real, 0.25) == (
        2.0, pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5)))  # fmt: skip
    assert histogram_scores(torch.tensor([30, 1, 10]), real, 0.25) == (2.0, math.inf)


def test_classes_that_are_missing():
    x, y = Digits().examples("train")
    assert measured(ClassHistogram(Digits()), x)["classes"] == 10
    some = measured(ClassHistogram(Digits()), x[y < 4])
    assert some == {"classes": 4, "class_kl": pytest.approx(math.log(10 / 4), abs=0.1)}


def test_intra_fid_by_hand_and_blind_to_nothing():
    metric = IntraFID(Digits(), samples=900)
    x, y = digits(900, sigma=0.2)
    features = metric.network(x)[0]
    real_x, real_y = Digits().examples("train")
    real = metric.network(real_x)[0]
    values = []
    for label in range(10):
        own, theirs = features[y == label], real[real_y == label]
        values.append(float(_compute_fid(own.mean(0), own.mT.cov(), theirs.mean(0), theirs.mT.cov())))
    found = score(metric, {"samples": x, "labels": y})["intra_fid"]
    assert found == pytest.approx(np.mean(values), rel=1e-4)
    assert score(metric, {"samples": x, "labels": (y + 1) % 10})["intra_fid"] > 5 * found
    assert math.isnan(score(metric, {"samples": x[:12], "labels": y[:12]})["intra_fid"])


# --- all of them ----------------------------------------------------------------------------------------------------


def test_counts_are_those_that_were_scored(caplog):
    """Of fewer samples than asked for the provenance says how many there were, and the warning does not stay away."""
    metric = FID(Digits(), samples=5000)
    x, _ = digits(37)
    value = measured(metric, x)["fid"]
    assert metric.provenance["samples"] == 37
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["metrics.fid.samples=37"]
    assert value == pytest.approx(measured(FID(Digits(), samples=37), x)["fid"], rel=1e-6)
    assert math.isnan(measured(metric, x[:1])["fid"])


@pytest.mark.parametrize("value", ["abc", None, math.nan, math.inf, True, 2.5, [3]])
def test_counts_that_are_none(value):
    with pytest.raises(UserError, match=r"metrics\.fid\.samples=.*whole number of at least 2"):
        FID(Digits(), samples=value)
    with pytest.raises(UserError, match=r"metrics\.class_histogram\.share=.*between 0 and 1"):
        ClassHistogram(Digits(), share="x" if value in (True, 2.5) else value)


@pytest.mark.parametrize("kind", ALL)
def test_the_shell(kind):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    metric = kind(Digits(), samples=1200)
    x, _ = digits(1200)
    first = measured(metric, x)
    assert measured(metric, x) == first
    metric.reset()
    for part in x.split(333):
        metric.update(part)
    assert metric.compute() == pytest.approx(first, rel=1e-9)
    assert torch.equal(state, torch.get_rng_state())
    assert set(first) == set(metric.directions)
    assert metric.state_dict() == {}
    assert json.loads(json.dumps(metric.provenance)) == metric.provenance
    if kind is not ClassHistogram:
        broken = measured(metric, torch.full((1200, 1, 8, 8), math.nan))
        assert all(math.isnan(value) for value in broken.values())


def test_metrics_of_different_sample_counts_share_one_pass(monkeypatch):
    metrics = [FID(Digits(), samples=1500), KID(Digits(), samples=1350, subset_size=500), PrecisionRecall(Digits())]
    network, seen = metrics[0].network, []
    real = network.outputs
    monkeypatch.setattr(network, "outputs", lambda images: seen.append(len(images)) or real(images))
    x, _ = digits(2000, seed=9)
    for metric in metrics:
        score(metric, {"samples": x})
    assert sum(seen) == 2000 + 100  # the part of a block that the second one sees is one of its own, filled up


def test_data_with_hardly_an_image_of_a_class(monkeypatch):
    digits = Digits()
    x, y = digits.examples("train")
    kept = (y != 3) | ((y == 3).cumsum(0) == 1)
    monkeypatch.setattr(digits, "examples", lambda split: (x[kept], y[kept]))
    with pytest.raises(UserError, match=r"metrics=intra_fid: .* the train split has 1 of class 3"):
        IntraFID(digits, features=Pixels())


class Pixels(nn.Module):
    """Some of them, brighter or not: a setting that neither weights nor ``repr`` tell."""

    def __init__(self, scale=1):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return self.scale * x.flatten(1)[:, 20:30]


def test_modules_of_ones_own_are_told_apart_and_shared():
    one, again, other = (FID(Digits(), samples=100, features=Pixels(scale)) for scale in (1, 1, 3))
    kid = KID(Digits(), samples=100, subset_size=50, features=Pixels())
    assert one.network is again.network is kid.network is not other.network
    assert other.statistics.mean.tolist() == pytest.approx([3 * value for value in one.statistics.mean.tolist()])
    pools = [FID(Digits(), samples=100, features=kind(2)) for kind in (nn.AvgPool2d, nn.MaxPool2d, nn.AvgPool2d)]
    assert pools[0].network is pools[2].network is not pools[1].network
    assert pools[0].network.num_features == 16  # flattened
    four = FID(Digits(), samples=100, features=nn.AvgPool2d(4))
    assert four.provenance["structure"] != pools[0].provenance["structure"]


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Conv2d(3, 2, 1), r"metrics\.fid\.features=torch.nn.*Conv2d: fails on images of the shape \[1, 8, 8\]"),
        (nn.Flatten(0), r"gives float32 \[128, 1\] for two images|fails on images"),
        (nn.LSTM(8, 3), "fails on images"),
    ],
)
def test_modules_that_give_no_features(module, words):
    with pytest.raises(UserError, match=words):
        FID(Digits(), samples=100, features=module)


def test_a_module_of_ones_own():
    metric = FID(Digits(), samples=500, features=Pixels())
    x, _ = digits(500, sigma=0)
    real, own = Digits().examples("train")[0].flatten(1)[:, 20:30].double(), x.flatten(1)[:, 20:30].double()
    expected = _compute_fid(own.mean(0), own.mT.cov(), real.mean(0), real.mT.cov())
    assert measured(metric, x)["fid"] == pytest.approx(float(expected), rel=2e-2)  # pixels are rounded to 8 bits
    assert metric.provenance["feature_network"].endswith("Pixels")


def test_misfits_and_settings():
    with pytest.raises(UserError, match=r"metrics=kid: .*Ring"):
        KID(Ring())
    with pytest.raises(UserError, match=r"metrics\.kid\.subset_size=2000"):
        KID(Digits(), subset_size=2000)
    with pytest.raises(UserError, match=r"metrics\.precision_recall\.k=0"):
        PrecisionRecall(Digits(), k=0)
    with pytest.raises(UserError, match=r"metrics\.density_coverage\.k=60"):
        DensityCoverage(Digits(), k=60, samples=50)
    with pytest.raises(UserError, match=r"metrics\.fid_infinity\.least=5000"):
        FIDInfinity(Digits(), least=5000)
    with pytest.raises(UserError, match=r"metrics\.intra_fid\.samples=19: must be at least 20"):
        IntraFID(Digits(), samples=19)
    with pytest.raises(UserError, match=r"the train split has 1 image, .* at least 2"):
        FID(few_digits(1), features=Pixels())
    with pytest.raises(UserError, match=r"metrics\.fid\.features=inceptoin.*\n.*Did you mean 'inception'"):
        FID(Digits(), features="inceptoin")


def test_in_other_types(caplog):
    """In float64 features are those of float32 to its rounding; in bfloat16 to its own; and the provenance tells."""
    x, _ = digits(300, sigma=0.2)
    metrics = {dtype: FID(Digits(), samples=300, dtype=dtype) for dtype in ("float32", "float64", "bfloat16")}
    features = {dtype: metric.network(x)[0] for dtype, metric in metrics.items()}
    scale = float(features["float64"].abs().max())
    assert 0 < float((features["float32"] - features["float64"]).abs().max()) < 1e-5 * scale
    assert 1e-4 * scale < float((features["bfloat16"] - features["float64"]).abs().max()) < 0.05 * scale
    assert {dtype: metric.provenance["dtype"] for dtype, metric in metrics.items()} == {
        dtype: dtype for dtype in metrics
    }
    assert len({metric.network.key for metric in metrics.values()}) == 3
    scores = {dtype: measured(metric, x)["fid"] for dtype, metric in metrics.items()}
    assert scores["float32"] == pytest.approx(scores["float64"], rel=1e-4)
    assert scores["bfloat16"] == pytest.approx(scores["float64"], rel=0.1)
    with pytest.raises(UserError, match=r"metrics\.fid\.dtype=half: no such type"):
        FID(Digits(), dtype="half")


def test_features_do_not_depend_on_how_many_images_go_together():
    network = FID(Digits()).network
    x, _ = digits(230, sigma=0.1)
    whole = network(x)
    for sizes in ([1, 229], [115, 115], [3] * 76 + [2]):
        parts = [network(part) for part in x.split(sizes)]
        for place in range(2):
            assert torch.equal(torch.cat([part[place] for part in parts]), whole[place])


def test_neighbours_of_collapsed_samples_are_exact():
    """Equal vectors are at distance 0, whatever a matrix product makes of it, and on the rim of balls of radius 0."""
    x = torch.full((50, 64), 1e3 / 3, dtype=torch.float64)
    assert squared_radii(x, 3).tolist() == [0.0] * 50
    counts, held = balls(x, x, squared_radii(x, 3))
    assert counts.tolist() == held.tolist() == [50] * 50
    real = torch.randn(60, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1e4
    radii = squared_radii(real, 4)
    expected = torch.cdist(real, real, compute_mode="donot_use_mm_for_euclid_dist").sort(1).values[:, 4]
    assert torch.allclose(radii.sqrt(), expected, rtol=1e-12)
    assert int((balls(real, real, radii)[1] < 5).sum()) == 0, "the k nearest are within the ball"
