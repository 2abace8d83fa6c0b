"""Files of weights: what MMPose writes is read, what carries code is refused, and downloads are whole and checked."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from kinequimation.cli.main import main
from kinequimation.errors import InputError
from kinequimation.weights.store import SOURCES, Source, pull

STATE = {"head.final_layer.weight": np.arange(24.0, dtype=np.float32).reshape(3, 8, 1, 1)}


def test_a_checkpoint_of_mmengine_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it pickles besides tensors: a history of losses that holds arrays and a method, numpy numbers, a Counter."""
    torch = pytest.importorskip("torch")
    from kinequimation.pose2d.checkpoint import read_weights

    class HistoryBuffer:
        def __init__(self) -> None:
            self._log_history = np.arange(3.0)
            self._statistics_methods = {"min": self.min}

        def min(self) -> float:
            return 0.0

    HistoryBuffer.__module__, HistoryBuffer.__qualname__ = "mmengine.logging.history_buffer", "HistoryBuffer"
    module = types.ModuleType("mmengine.logging.history_buffer")
    module.HistoryBuffer = HistoryBuffer  # pyright: ignore[reportAttributeAccessIssue]
    for name in ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer"):
        monkeypatch.setitem(sys.modules, name, module)
    tensors = {name: torch.from_numpy(value) for name, value in STATE.items()}
    content = {
        "meta": {"epoch": 1, "cfg": "codec = dict()", "dataset_meta": {"sigmas": np.ones(3, np.float32)}},
        "state_dict": {f"module.{name}": value for name, value in tensors.items()},
        "message_hub": {"log_scalars": {"loss": HistoryBuffer()}, "best": np.float64(0.5)},
        "optimizer": {"state": {}},
    }
    for is_zip in (True, False):
        path = tmp_path / f"epoch_{is_zip}.pth"
        torch.save(content, path, _use_new_zipfile_serialization=is_zip)
        monkeypatch.delitem(sys.modules, "mmengine.logging.history_buffer", raising=False)
        weights = read_weights(path)
        monkeypatch.setitem(sys.modules, "mmengine.logging.history_buffer", module)
        assert torch.equal(weights.tensors["head.final_layer.weight"], tensors["head.final_layer.weight"])
        assert weights.n_keypoints == 3 and weights.meta["cfg"] == "codec = dict()"


class Carrier:
    """Pickles as a call."""

    def __init__(self, function: Any, *args: object) -> None:
        self._call = (function, args)

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self._call

    def __call__(self) -> None:
        """Be callable: what the call above returns can be called in turn."""


def test_a_checkpoint_that_carries_code_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import os
    import pathlib
    import subprocess

    from kinequimation.pose2d.checkpoint import read_weights
    from kinequimation.pose2d.loop import read_checkpoint

    mark = tmp_path / "ran"
    touch = f"touch {mark}"
    code = f"open({str(mark)!r}, 'w').close()"
    hostile = {
        "system": Carrier(os.system, touch),
        "eval": Carrier(eval, code),
        "exec": Carrier(exec, code),
        "process": Carrier(subprocess.check_output, ["touch", str(mark)]),
        "getattr": Carrier(Carrier(getattr, pathlib.Path(str(mark)), "touch")),
        "own class": Carrier(Carrier, 1),
    }
    for name, value in hostile.items():
        for is_zip in (True, False):
            path = tmp_path / f"{name}-{is_zip}.pth"
            content = {"state_dict": {k: torch.from_numpy(v) for k, v in STATE.items()}, "meta": {"x": value}}
            torch.save(content, path, _use_new_zipfile_serialization=is_zip)
            with pytest.raises(InputError, match="refused, because it holds more than weights") as caught:
                read_weights(path)
            assert "\n" not in str(caught.value) and "add_safe_globals" not in str(caught.value)
            with pytest.raises(InputError, match="refused, because it holds more than weights"):
                read_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\x80\x02]q\x00.", b"\x89PNG\r\n\x1a\n" + b"\x00" * 99])
def test_what_is_no_checkpoint_is_one_line(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("torch")
    from kinequimation.pose2d.checkpoint import read_weights

    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.pth: ") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="found nothing"):
        read_weights(tmp_path / "absent.pth")


def test_safetensors_are_read_and_checked(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from kinequimation.pose2d.checkpoint import read_weights

    def written(header: dict[str, Any], data: bytes) -> Path:
        text = json.dumps(header).encode()
        path = tmp_path / "weights.safetensors"
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)
        return path

    value = STATE["head.final_layer.weight"]
    entry = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [4, 4 + value.nbytes]}
    half = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
    header = {"__metadata__": {"epoch": "1"}, "head.final_layer.weight": entry, "half": half}
    data = np.array([0x3F80, 0xC040], dtype="<u2").tobytes() + value.tobytes()
    weights = read_weights(written(header, data))
    assert torch.equal(weights.tensors["head.final_layer.weight"], torch.from_numpy(value))
    assert weights.tensors["half"].tolist() == [1.0, -3.0] and weights.meta == {"epoch": "1"}
    for change in ({"shape": [3, 9, 1, 1]}, {"data_offsets": [8, 8 + value.nbytes]}, {"dtype": "X9"}, {"shape": [-1]}):
        with pytest.raises(InputError, match="expected a safetensors file"):
            read_weights(written({"head.final_layer.weight": {**entry, **change}}, data))
    (tmp_path / "weights.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(InputError, match="header is longer"):
        read_weights(tmp_path / "weights.safetensors")


class Server(BaseHTTPRequestHandler):
    """Serves one file, and hangs up after as many bytes as ``cut`` says, once."""

    content: ClassVar[bytes] = np.random.default_rng(1).bytes(700_000)
    cut: ClassVar[int | None] = None
    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        if self.path != "/weights.pth":
            return self.send_error(404)
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(self.content):
            return self.send_error(416)
        body = self.content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.end_headers()
        self.wfile.write(body[: self.cut])
        type(self).cut = None
        return None

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Server.cut, Server.ranges = None, []
    url = f"http://127.0.0.1:{server.server_port}/weights.pth"
    digest = hashlib.sha256(Server.content).hexdigest()
    yield replace(SOURCES["hrnet_w32_imagenet"], file_name="weights.pth", url=url, sha256=digest[:8])
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_that_was_cut_off_goes_on(source: Source, tmp_path: Path) -> None:
    Server.cut = 300_000
    with pytest.raises(InputError, match="ended after 300000 of 700000 bytes; the same command goes on"):
        pull(source, tmp_path)
    assert not (tmp_path / "weights.pth").exists()
    seen: list[tuple[int, int | None]] = []
    path, was_there = pull(source, tmp_path, progress=lambda stage, done, total: seen.append((done, total)))
    assert path.read_bytes() == Server.content and not was_there
    assert Server.ranges == [None, "bytes=300000-"] and seen[-1] == (700_000, 700_000)
    assert pull(source, tmp_path) == (path, True) and len(Server.ranges) == 2, "what is there is not fetched again"
    assert [entry.name for entry in tmp_path.iterdir()] == ["weights.pth"]


def test_other_bytes_are_not_kept(source: Source, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"an older try")
    (tmp_path / ".weights.pth.part").write_bytes(b"longer than the file" * 100_000)
    assert pull(source, tmp_path)[0].read_bytes() == Server.content, "a part that cannot be its beginning is dropped"
    wrong = replace(source, sha256="00000000", file_name="wrong.pth")
    with pytest.raises(InputError, match="SHA-256 that begins 00000000"):
        pull(wrong, tmp_path)
    with pytest.raises(InputError, match="404 Not Found; fetch it elsewhere and give --from FILE"):
        pull(replace(source, url=f"{source.url}x", file_name="other.pth"), tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["weights.pth"]


def test_without_a_network_a_local_file_is_taken(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SOURCES, "hrnet_w32_imagenet", replace(source, url="http://127.0.0.1:9/nobody"))
    monkeypatch.chdir(tmp_path)
    assert main(["weights", "pull", "hrnet_w32_imagenet"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--from FILE" in said and "model.backbone.init_cfg=None" in said
    (tmp_path / "mine.pth").write_bytes(Server.content)
    assert main(["weights", "pull", "hrnet_w32_imagenet", "--from", "mine.pth"]) == 0
    assert Path("outputs/checkpoints/weights.pth").read_bytes() == Server.content
    assert main(["weights", "list"]) == 0
    assert "hrnet_w32_imagenet  here" in capsys.readouterr().out
    assert main(["weights", "pull", "hrnet_w33"]) == 2
