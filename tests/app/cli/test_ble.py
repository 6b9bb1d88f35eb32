"""`peerscope ble` as a program: what it prints, in text and JSON, and how it ends where there is no Bluetooth."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
THERMOMETER, PAD = "F0:00:5E:00:53:28", "F0:00:5E:00:53:29"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "ble", *arguments],
        check=False,
        cwd=ROOT,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def document(done: subprocess.CompletedProcess[str]) -> dict:
    [line] = done.stdout.splitlines()
    return json.loads(line)


def test_no_bluetooth_is_one_sentence_and_exit_2() -> None:
    done = run("scan")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_no_bluetooth_as_json_tells_which_step() -> None:
    done = run("scan", "--format", "json")
    report = document(done)
    assert done.returncode == 2
    assert report["failure"] == report["preflight"]["failure"]
    assert report["next_step"]
    if sys.platform == "linux":
        assert report["failure"] == "no-bus"
        assert report["preflight"]["checks"][0] | {"detail": ""} == {
            "step": "service",
            "ok": False,
            "detail": "",
            "failure": "no-bus",
            "text": report["failure_text"],
            "next_step": report["next_step"],
        }


def test_a_scan_in_the_lab() -> None:
    done = run("scan", "--lab", "home", "--seconds", "3", "--format", "json")
    report = document(done)
    assert done.returncode == 0, done.stderr
    assert report["schema"] == "peerscope.ble/1"
    assert {device["name"] for device in report["devices"]} == {"Thermometer", "Game pad"}
    assert report["devices"][0]["services"][0]["name"]
    text = run("scan", "--lab", "home", "--seconds", "3").stdout
    assert "Thermometer" in text.splitlines()[0], "the strongest comes first"


def test_a_device_is_inspected() -> None:
    done = run("inspect", THERMOMETER, "--lab", "home")
    assert done.returncode == 0, done.stderr
    assert "Battery Level" in done.stdout
    assert "87 %" in done.stdout
    assert "Pair with it" in done.stdout


def test_pairing_without_questions_works_and_digits_need_a_terminal() -> None:
    assert run("pair", PAD, "--lab", "home").stdout == "Paired.\n"
    done = run("pair", THERMOMETER, "--lab", "home", "--format", "json")
    assert done.returncode == 1
    assert document(done)["failure"] == "refused-here"


def test_what_is_not_paired_cannot_be_unpaired() -> None:
    done = run("unpair", "no-address", "--lab", "home", "--format", "json")
    assert done.returncode == 1
    assert document(done)["failure"] == "not-found"
