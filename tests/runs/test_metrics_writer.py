from steadygan.runs.files import read_rows
from steadygan.runs.metrics_writer import MetricsWriter


def write(path, iterations):
    rows = MetricsWriter(path, ["fid"])
    for iteration in iterations:
        row = {"iteration": iteration, "loss/generator": iteration / 7}
        rows.write(row | ({"metric/fid": 0.1} if iteration % 20 == 0 else {}))


def test_rows_read_back_to_the_bit(tmp_path):
    path = tmp_path / "metrics.csv"
    write(path, [10, 20])
    assert read_rows(path) == [
        {"iteration": "10", "loss/generator": repr(10 / 7), "metric/fid": ""},
        {"iteration": "20", "loss/generator": repr(20 / 7), "metric/fid": "0.1"},
    ]
    assert float(read_rows(path)[0]["loss/generator"]) == 10 / 7


def test_a_resumed_run_drops_what_came_after_its_checkpoint_and_what_an_earlier_end_added(tmp_path):
    path = tmp_path / "metrics.csv"
    write(path, [10, 20, 25, 30, 40])
    with path.open("a") as file:
        file.write("50,0.3")  # torn by a crash
    rows = MetricsWriter(path, ["fid"])
    rows.resume(30, [10, 20])
    assert [row["iteration"] for row in read_rows(path)] == ["10", "20", "30"]
    rows.write({"iteration": 40, "loss/generator": 1.0})
    assert [row["iteration"] for row in read_rows(path)] == ["10", "20", "30", "40"]


def test_nothing_kept_is_a_new_file(tmp_path):
    path = tmp_path / "metrics.csv"
    write(path, [10])
    rows = MetricsWriter(path, ["is"])
    rows.resume(0, [10])
    assert not path.exists()
    rows.write({"iteration": 10, "metric/is": 2.0})
    assert read_rows(path) == [{"iteration": "10", "metric/is": "2.0"}]
