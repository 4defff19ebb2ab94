"""What `edgeproxy replay` refuses before it sends anything, and how it says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from captures import packed, record

from edgeproxy.capture.safety import SafetyClass
from edgeproxy.cli.main import main

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.capture"
    path.write_bytes(packed([record(1), record(2, method="POST", safety="unsafe", shape="/legacy/")]))
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "127.0.0.1:9"), "is no URL such as http://127.0.0.1:8080"),
        (("--to", f"{NOWHERE}/path"), "paths are those of the requests"),
        (("--to", NOWHERE, "--speed", "0"), "is no number above 0"),
        (("--to", NOWHERE, "--rate", "5", "--poisson", "5"), "not allowed with argument"),
        (("--to", NOWHERE, "--header", "Host: x"), "it is the sender's to say"),
        (("--to", NOWHERE, "--header", "X-HTTP-Method-Override: PUT"), "would write where they were to read"),
        (("--to", NOWHERE, "--host", "a/b=c"), "is not OLD or OLD=NEW"),
        (("--to", NOWHERE, "--ignore", "nonsense:x"), "nonsense"),
        (("--to", NOWHERE, "--noise", "5%"), "are for two targets: say --against URL"),
        (("--to", NOWHERE, "--insecure", "--ca", "x"), "say one of both"),
        (("--to", NOWHERE, "--purge-first"), "which edge? Say --control PATH"),
        (("--to", NOWHERE, "--purge-first", "--control", "/nowhere"), "no edge listens there"),
        (("--to", NOWHERE, "--rules", "/nowhere.yaml"), "/nowhere.yaml"),
        (("--to", NOWHERE, "--trust-recorded", "--rules", "x"), "--trust-recorded beside --rules"),
        ((), "the following arguments are required: --to"),
    ],
)
def test_wrong_usage_says_what_to_do(
    arguments: tuple[str, ...],
    said: str,
    capture: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("EDGEPROXY_CONTROL", raising=False)
    assert main(["replay", str(capture), *arguments]) == 2
    out, err = capsys.readouterr()
    assert said in out + err


def test_a_recording_that_takes_years_is_told_before_anybody_waits_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of its records has no time, which is 1970."""
    path = tmp_path / "a.capture"
    path.write_bytes(packed([record(1, time=0.0), record(2)]))
    assert main(["replay", str(path), "--to", NOWHERE, "--dry-run"]) == 0
    assert "it takes 17,637.6 days, since what is to be sent is from 1970-01-01" in capsys.readouterr().err
    assert main(["replay", str(path), "--to", NOWHERE, "--dry-run", "--rate", "10"]) == 0
    assert "days" not in capsys.readouterr().err


def test_a_dry_run_tells_what_would_be_sent_and_sends_nothing(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(capture), "--to", NOWHERE, "--dry-run"]) == 0
    out, _ = capsys.readouterr()
    assert "chosen     1, over 1 recorded connections" in out
    assert "1  unsafe: it may have written" in out
    assert "1 POST /legacy/" in out


def test_what_only_the_file_calls_safe_is_refused_and_what_to_say_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crafted = tmp_path / "crafted.capture"
    crafted.write_bytes(packed([record(1), record(2, method="DELETE", sent=0), record(3, method="POST", sent=0)]))
    assert main(["replay", str(crafted), "--to", NOWHERE, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "2  untrusted: its method may write, and only the file says that it is safe" in out
    assert "chosen     1" in out
    assert "2 refused as untrusted" in err
    assert "--trust-recorded" in err
    assert main(["replay", str(crafted), "--to", NOWHERE, "--dry-run", "--trust-recorded"]) == 0
    out, err = capsys.readouterr()
    assert "chosen     3" in out
    assert err == ""


def test_a_log_of_which_nobody_says_what_is_safe_needs_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text('127.0.0.1 - - [10/Oct/2018:13:55:36 +0000] "GET /simple/six/ HTTP/1.1" 200 5 "-" "pip/26.3"\n')
    assert main(["replay", str(log), "--to", NOWHERE, "--dry-run"]) == 2
    out, err = capsys.readouterr()
    assert "1  unknown: nobody says that it is safe" in out
    assert "say --rules RULES" in err


def test_files_that_cannot_be_read_and_recordings_without_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(tmp_path / "none"), "--to", NOWHERE]) == 2
    assert "No such file or directory" in capsys.readouterr().err
    timeless = tmp_path / "b.capture"
    records = [record(url=f"http://pypi.test/{number}", time=0.0, safety=SafetyClass.SAFE) for number in range(3)]
    timeless.write_bytes(packed(records) + b"torn")
    assert main(["replay", str(timeless), "--to", NOWHERE, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "3 requests, without times: all at once, or by --rate; 1 broken" in out
    assert "skipped: " in err
