"""Sending offline runs: to a stand-in for W&B's server, with the real ``wandb sync``."""

import gzip
import json
import os
import re
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from steadygan.commands.sync import command
from steadygan.common.errors import UserError
from steadygan.loggers import fragments, service, sync
from steadygan.loggers.wandb import Wandb
from steadygan.runs import files
from steadygan.runs.job import Job

SUMMARY = {"status": "completed", "method": "r1", "label": "gamma=1", "seed": 3, "metrics": {"modes": {"final": 8.0}}}
COLUMNS = ["iteration", "images", "seconds", "loss/discriminator", "metric/modes"]


class Server(ThreadingHTTPServer):
    """Takes what ``wandb sync`` sends, and answers what it asks: only what it needs in order to go on."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.history: dict[str, list[dict]] = {}
        self.upserts: list[dict] = []
        self.exits: list[int] = []
        self.uploaded: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hangs up is no error."""

    def answer(self, name: str, variables: dict) -> dict:
        if name == "Viewer":
            return {"viewer": {"id": "u", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}}
        if name == "RunResumeStatus":
            lines = self.history.get(variables["name"])
            tail = json.dumps([json.dumps(lines[-1])]) if lines else "[]"
            bucket = {
                "id": "b", "name": variables["name"], "summaryMetrics": "{}", "displayName": "n", "logLineCount": 0,
                "historyLineCount": len(lines or ()), "eventsLineCount": 0, "historyTail": tail, "eventsTail": "[]",
                "config": "{}", "tags": [], "wandbConfig": '{"t": 1}',
            }  # fmt: skip
            return {
                "model": {
                    "id": "m",
                    "name": "p",
                    "entity": {"id": "e", "name": "me"},
                    "bucket": bucket if lines else None,
                }
            }
        if name == "UpsertBucket":
            self.upserts.append(variables)
            project = {"name": variables["project"], "entity": {"name": "me"}}
            bucket = {"id": "b", "name": variables["name"], "displayName": "n", "config": "{}", "project": project}
            return {"upsertBucket": {"bucket": {**bucket, "historyLineCount": 0}, "inserted": True}}
        if name == "CreateRunFiles":
            places = [{"name": file, "uploadUrl": f"{self.url}/put/{file}"} for file in variables["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": places}}
        return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Be quiet."""

    def body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def reply(self, content: dict):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply({})

    def do_PUT(self):
        self.body()
        self.server.uploaded.append(self.path.removeprefix("/put/"))
        self.reply({})

    def do_POST(self):
        body = json.loads(self.body() or b"{}") if "otel" not in self.path else {}
        if self.path == "/graphql":
            name = re.search(r"(?:query|mutation)\s+(\w+)", body["query"])
            self.reply({"data": self.server.answer(name.group(1), body.get("variables") or {})})
            return
        stream = re.fullmatch(r"/files/me/[^/]+/([^/]+)/file_stream", self.path)
        if stream:
            chunk = body.get("files", {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
            lines = self.server.history.setdefault(stream.group(1), [])
            lines[chunk["offset"] : chunk["offset"] + len(chunk["content"])] = map(json.loads, chunk["content"])
            if "exitcode" in body:
                self.server.exits.append(body["exitcode"])
        self.reply({"limits": {}})


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    for key in [key for key in os.environ if key.startswith("WANDB_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("NETRC", "/nonexistent")
    service.forget()
    yield
    service.forget()


@pytest.fixture
def server(monkeypatch):
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    yield server
    server.shutdown()


def row(iteration: int) -> dict:
    found = {"iteration": iteration, "images": iteration * 256, "seconds": iteration / 7}
    found["loss/discriminator"] = float("nan") if iteration == 300 else 0.1 + 1 / (1 + iteration)
    return {**found, "metric/modes": 8.0} if iteration % 200 == 0 else found


def new_run(directory: Path, signature: str, mode: str = "offline") -> Job:
    """The folder of a run that has logged nothing."""
    directory.mkdir(parents=True)
    target = "steadygan.loggers.wandb.Wandb"
    config = {"name": "toy", "seed": 3, "logger": {"_target_": target, "mode": mode, "project": "p", "tags": ["t"]}}
    (directory / files.CONFIG).write_text(yaml.safe_dump(config))
    (directory / files.OVERRIDES).write_text(yaml.safe_dump(["seed=3"]))
    files.write_rows(directory / files.METRICS, COLUMNS, [])
    files.write_json(directory / files.SUMMARY, {**SUMMARY, "signature": signature})
    return Job(config, ("seed=3",), directory, signature, "gamma=1", "r1", 3, 9)


def log(info: Job, iterations: range, killed_at: int | None = None, recorded: bool = True) -> None:
    """One launch of a run; wandb-core dies before iteration ``killed_at``."""
    logger = Wandb(project="p", tags=["t"])
    logger.open(info)
    for iteration in iterations:
        if iteration == killed_at:
            service._process().kill()
            service._process().wait()
        if recorded:
            with (info.directory / files.METRICS).open("a") as file:
                values = row(iteration)
                file.write(",".join(str(values.get(column, "")) for column in COLUMNS) + "\n")
        logger.row(row(iteration))
        if iteration % 200 == 0:
            path = info.directory / files.SAMPLES / f"{iteration:07d}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full((4, 4, 3), iteration % 256, np.uint8)).save(path)
            logger.picture(iteration, "samples", path)
    logger.close(SUMMARY)


def arrived(server: Server, signature: str) -> dict[int, dict]:
    """What the server has of every iteration."""
    merged: dict[int, dict] = {}
    for line in server.history[signature]:
        merged.setdefault(line["iteration"], {}).update({k: v for k, v in line.items() if k[0] != "_"})
    return merged


def check_all_arrived(server: Server, signature: str, iterations: range) -> None:
    merged = arrived(server, signature)
    assert sorted(merged) == list(iterations)
    for iteration, line in merged.items():
        picture = line.pop("samples", None)
        assert (picture is not None) == (iteration % 200 == 0)
        assert {key: repr(float(value)) for key, value in line.items()} == {
            key: repr(float(value)) for key, value in row(iteration).items()
        }


def run_command(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_a_whole_run_is_sent_once(server, tmp_path, monkeypatch):
    info = new_run(tmp_path / "toy" / "one", "one")
    log(info, range(100, 500, 100))
    monkeypatch.chdir(tmp_path)
    result = run_command("toy")
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]  # wandb left nothing where the user stands
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "1 of 1 runs to send"), result.output
    check_all_arrived(server, "one", range(100, 500, 100))
    assert [line["_step"] for line in server.history["one"]] == list(range(6))
    first = server.upserts[0]
    assert (first["groupName"], first["jobType"], first["displayName"]) == ("toy", "r1", "gamma=1 seed=3")
    assert (first["project"], first["name"], first["tags"]) == ("p", "one", ["t"])
    assert sum(path.startswith("media/images/samples") for path in server.uploaded) == 2
    assert server.exits == [0]

    again = run_command("toy")
    assert again.output == "0 of 1 runs to send\n"
    assert server.exits == [0]


def test_a_killed_wandb_costs_nothing(server, tmp_path):
    info = new_run(tmp_path / "one", "one")
    log(info, range(100, 1100, 100), killed_at=500)
    listed = run_command(tmp_path, "--dry-run").output
    assert "10 rows from metrics.csv, 5 pictures, 1 file replaced that was cut off" in listed
    assert "one" not in server.history
    result = run_command(tmp_path)
    assert result.exit_code == 0, result.output
    check_all_arrived(server, "one", range(100, 1100, 100))
    assert run_command(tmp_path).output == "0 of 1 runs to send\n"
    (kept,) = (tmp_path / "one" / "wandb").glob("*/*.cut-off")
    assert kept.exists()


def test_a_fragment_cut_off_in_the_middle_does_not_block_the_rest(server, tmp_path):
    """Killed after 300, resumed from 200: the first fragment is torn, the second repeats an iteration."""
    info = new_run(tmp_path / "one", "one")
    log(info, range(100, 400, 100))
    (torn,) = fragments.find(info.directory)
    os.truncate(torn, torn.stat().st_size * 2 // 3)
    log(info, range(300, 400, 100), recorded=False)
    log(info, range(400, 700, 100))
    assert run_command(tmp_path).exit_code == 0
    check_all_arrived(server, "one", range(100, 700, 100))
    assert 0 in server.exits


def test_fragments_go_in_order_and_are_joined(server, tmp_path):
    info = new_run(tmp_path / "one", "one")
    for start in (100, 400, 700):
        log(info, range(start, start + 300, 100))
    assert run_command(tmp_path).exit_code == 0
    check_all_arrived(server, "one", range(100, 1000, 100))
    lines = server.history["one"]
    assert [line["_step"] for line in lines] == list(range(len(lines)))
    assert [line["iteration"] for line in lines] == sorted(line["iteration"] for line in lines)


def test_a_run_without_wandb_is_sent_from_its_own_files(server, tmp_path, monkeypatch):
    info = new_run(tmp_path / "one", "one")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "wandb", None)
        log(info, range(100, 400, 100))
    assert not (info.directory / "wandb").exists()
    assert run_command(tmp_path).exit_code == 0
    check_all_arrived(server, "one", range(100, 400, 100))
    assert server.upserts[0]["displayName"] == "gamma=1 seed=3"


def test_what_did_not_arrive_is_said_and_tried_again(server, tmp_path, monkeypatch):
    for name in ("one", "two"):
        log(new_run(tmp_path / name, name), range(100, 300, 100))
    sent = []

    def half(paths):
        """A ``wandb sync`` that is stopped after the first file."""
        sent.append([path.stem for path in paths])
        paths[0].with_name(f"{paths[0].name}.synced").touch()
        return "no route to host"

    monkeypatch.setattr(sync, "send", half)
    result = run_command(tmp_path)
    assert result.exit_code == 1
    assert "no route to host" in result.output
    assert f"not sent: {tmp_path / 'two'}" in result.output
    assert run_command(tmp_path).exit_code == 0
    assert sent == [["run-one", "run-two"], ["run-two"]]


def test_an_interruption_costs_at_most_a_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(sync, "_BATCH", 1)
    for name in ("one", "two"):
        log(new_run(tmp_path / name, name), range(100, 200, 100))

    def stopped(paths):
        if "two" in paths[0].stem:
            raise KeyboardInterrupt
        paths[0].with_name(f"{paths[0].name}.synced").touch()
        return ""

    plans = list(sync.plan_all(sync.find(tmp_path).runs, []))
    with pytest.raises(KeyboardInterrupt):
        sync.send_all(plans, stopped, lambda count: None)
    assert [plan.done for plan in sync.plan_all(sync.find(tmp_path).runs, [])] == [True, False]


def test_a_run_that_is_not_over_is_left_alone(server, tmp_path):
    info = new_run(tmp_path / "one", "one")
    files.write_json(info.directory / files.SUMMARY, {**SUMMARY, "signature": "one", "status": "running"})
    result = run_command(tmp_path)
    assert "not over yet" in result.output
    assert server.history == {}


def test_online_runs_that_arrived_are_done(server, tmp_path):
    info = new_run(tmp_path / "one", "one", mode="online")
    logger = Wandb(mode="online", project="p", init_timeout=20.0)
    logger.open(info)
    files.write_rows(info.directory / files.METRICS, COLUMNS, [row(100)])
    logger.row(row(100))
    logger.close(SUMMARY)
    (path,) = fragments.find(info.directory)
    assert path.parent.name.startswith("run-")
    assert arrived(server, "one") == {100: row(100)}
    assert sync.plan(info.directory).done


def test_without_login(tmp_path):
    new_run(tmp_path / "one", "one")
    result = run_command(tmp_path)
    assert isinstance(result.exception, UserError)
    assert "wandb login" in str(result.exception)


def test_without_an_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    new_run(tmp_path / "one", "one")
    result = run_command(tmp_path)
    assert isinstance(result.exception, UserError)
    assert "http://127.0.0.1:9" in str(result.exception)


@pytest.mark.parametrize("there", ["nothing", "disabled"])
def test_a_folder_without_runs(tmp_path, there):
    if there == "disabled":
        new_run(tmp_path / "one", "one", mode="disabled")
    result = run_command(tmp_path, "--dry-run")
    assert isinstance(result.exception, UserError)
    assert str(tmp_path) in str(result.exception)


def test_a_copied_folder_is_the_same(tmp_path):
    """Nothing that tells what was sent depends on where the folder lies."""
    info = new_run(tmp_path / "here" / "one", "one")
    log(info, range(100, 300, 100))
    (path,) = fragments.find(info.directory)
    path.with_name(f"{path.name}.synced").touch()
    shutil.move(tmp_path / "here", tmp_path / "there")
    (plan,) = sync.plan_all(sync.find(tmp_path / "there").runs, [])
    assert plan.done


def damage(run: Path, what: str) -> None:
    """Spoil one file of a run that has logged."""
    (fragment,) = fragments.find(run)
    match what:
        case "config":
            (run / files.CONFIG).write_text("logger: [1,\n  b: {")
        case "bytes":
            (run / files.CONFIG).write_bytes(b"\xff\xfe\x00")
        case "summary":
            (run / files.SUMMARY).write_text('{"status": "comp')
        case "rows":
            (run / files.METRICS).write_text("iteration,seconds\n100,soon\n")
        case "identity":
            files.write_json(run / files.SUMMARY, {"status": "completed"})
            fragment.unlink()  # so that it has to be written anew
        case "fragment":
            fragment.write_bytes(b"not a file of wandb's")


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("config", "config.yaml"),
        ("bytes", "config.yaml"),
        ("summary", "summary.json"),
        ("rows", "soon"),
        ("identity", "signature"),
    ],
)
def test_a_damaged_run_is_named_and_the_others_are_sent(server, tmp_path, what, named):
    for name in ("a", "b", "c"):
        log(new_run(tmp_path / name, name), range(100, 300, 100))
    damage(tmp_path / "b", what)
    result = run_command(tmp_path)
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if f"{tmp_path / 'b'}: " in line]
    assert named in line
    for name in ("a", "c"):
        check_all_arrived(server, name, range(100, 300, 100))
    assert "b" not in server.history


def test_a_damaged_fragment_is_replaced(server, tmp_path):
    for name in ("a", "b"):
        log(new_run(tmp_path / name, name), range(100, 300, 100))
    damage(tmp_path / "b", "fragment")
    assert run_command(tmp_path).exit_code == 0
    for name in ("a", "b"):
        check_all_arrived(server, name, range(100, 300, 100))


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path, monkeypatch):
    log(new_run(tmp_path / "a", "a"), range(100, 200, 100))
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = sync.find(tmp_path)
    assert found.runs == [tmp_path / "a"]
    assert [path for path, _ in found.damaged] == [tmp_path / "closed"]


def test_a_run_of_an_agent_is_completed_under_the_id_that_it_has(server, tmp_path, monkeypatch):
    info = new_run(tmp_path / "one", "one")
    with monkeypatch.context() as patch:
        patch.setenv("WANDB_SWEEP_ID", "sweep1")
        patch.setenv("WANDB_RUN_ID", "theirs")
        service.forget()
        log(info, range(100, 500, 100), killed_at=300)
    assert run_command(tmp_path).exit_code == 0
    assert set(server.history) == {"theirs"}
    check_all_arrived(server, "theirs", range(100, 500, 100))
