"""Judges a subject by Autobahn|Testsuite and by harness, and prints where they differ (docs/parity.md).

    parity.py --wstest WSTEST --harness HARNESS PROFILE [CASE ...]

WSTEST is the original, from PyPI, in an environment of Python 2.7: `pip install autobahntestsuite`. CASES are
patterns of its own (`6.*`, `12.1.3`); without any, all run, which takes it some twenty minutes for each subject.
Ends with 0 if the two agree in each case on behavior and on behaviorClose.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path

STARTS_WITHIN = 60  # seconds: a subject may have to be built first


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(profile, folder):
    """Starts the profile's subject as harness does; gives back its process group and its port."""
    ports = {"{port}": str(free_port()), "{tls_port}": str(free_port())}

    def fill(word):
        for name, port in ports.items():
            word = word.replace(name, port)
        return word

    command = [fill(word) for word in profile["subject"]["command"]]
    subject = subprocess.Popen(command, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL)
    url = fill(profile["urls"]["http"]) + profile["ready"]["http"]
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return subject, ports["{port}"]
        except OSError:
            if subject.poll() is not None or time.monotonic() > deadline:
                stop(subject)
                sys.exit(f"{command} does not answer at {url}")
            time.sleep(0.1)


def stop(subject):
    try:
        os.killpg(subject.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    subject.wait()


def original(wstest, profile, folder, cases, work):
    """What Autobahn|Testsuite says of each case."""
    name = profile["name"]
    subject, port = start(profile, folder)
    try:
        url = f"ws://127.0.0.1:{port}{profile['routes']['ws.echo']}"
        spec = work / "spec.json"
        spec.write_text(json.dumps({
            "outdir": str(work / "original"),
            "servers": [{"agent": name, "url": url}],
            "cases": cases or ["*"],
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }))
        command = [wstest, "--mode", "fuzzingclient", "--spec", spec, "--wsuri", url]
        # Its exit code says nothing.
        subprocess.run(command, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finally:
        stop(subject)
    return json.loads((work / "original" / "index.json").read_text())[name]


def ours(harness, profile_path, numbers, work):
    """What harness says of the same cases. It fails at nothing but its own faults here."""
    index = work / "ours.json"
    filters = [word for number in numbers for word in ("--filter", f"ws/{number}")]
    command = [harness, "run", "--quiet", "--profile", profile_path, "--index", index, *filters]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode not in (0, 1):
        sys.exit("harness could not run")
    return next(iter(json.loads(index.read_text()).values()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wstest", required=True)
    parser.add_argument("--harness", required=True)
    parser.add_argument("profile", type=Path)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    arguments = parser.parse_args()
    profile = tomllib.loads(arguments.profile.read_text())
    folder = arguments.profile.resolve().parent
    if build := profile["subject"].get("build"):
        subprocess.run(build, cwd=folder, check=True)
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        theirs = original(arguments.wstest, profile, folder, arguments.cases, work)
        found = ours(arguments.harness, arguments.profile, sorted(theirs), work)
    differing = 0
    for number in sorted(theirs, key=lambda number: [int(part) for part in number.split(".")]):
        pair = [
            (entry["behavior"], entry["behaviorClose"]) if entry else ("no case",)
            for entry in (theirs[number], found.get(number))
        ]
        if pair[0] != pair[1]:
            differing += 1
            print(f"{number:8} original {' / '.join(pair[0])}, harness {' / '.join(pair[1])}")
    print(f"{profile['name']}: {len(theirs)} cases, {differing} differ")
    sys.exit(1 if differing else 0)


main()
