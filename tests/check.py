"""The gate: `python -m tests.check [--fix] [--nightly]`. What it lets through can be released.

Style and types are checked while the tests run, then what the tests covered is judged. Each step says how long it
took, a failed one shows its output, and the last line is pytest's own. The exit status is 0 only if every step
passed and at least one test ran.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
DELIVERED = ("fs_server", "sandbox", "resources", "install_scripts")
SOURCES = [name for name in (*DELIVERED, "tests", "benchmarks") if Path(CHECKOUT, name).is_dir()]
WORKERS = 2

# What cannot run here is not counted here. Every system's list is short, and each file runs on some system.
WINDOWS = ["sandbox/resolve/_windows*.py"]
LINUX = ["sandbox/resolve/_openat2.py", "sandbox/linux/*", "sandbox/warden/*", "sandbox/runner.py"]
POSIX = ["sandbox/resolve/_stepwise.py", "sandbox/resolve/_posix.py"]
ELSEWHERE = {"linux": WINDOWS, "darwin": WINDOWS + LINUX, "win32": LINUX + POSIX}[sys.platform]


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the gate: what it checks, and what is run by this Python."""

    name: str
    module: list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step. `output` is standard output and error together."""

    step: Step
    passed: bool
    output: str


def main(argv: Sequence[str] | None = None) -> int:
    """Run the gate and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.check", description="The gate of fs-server.")
    parser.add_argument(
        "--fix", action="store_true", help="let ruff repair style, and write the made parts of the documents anew"
    )
    parser.add_argument("--nightly", action="store_true", help="run the long forms of the tests too")
    chosen = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "COVERAGE_FILE": str(Path(data, "coverage"))}
        # Without it, each of the hundreds of servers that the tests start would compile everything anew.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        # First of all, because a test reads the documents.
        made = _run_all([Step("documents", ["tests.generated"])] if chosen.fix else [], environment)
        # Two lanes for two cores: the tests wait for processes and clocks, the checks only compute.
        with ThreadPoolExecutor(2) as lanes:
            checks = lanes.submit(_run_all, list(_checks(fix=chosen.fix)), environment)
            tests = _run(_tests(nightly=chosen.nightly), environment)
        outcomes = [*made, *checks.result(), tests, *_run_all(list(_coverage()), environment)]
    return _close(outcomes, closing_line(tests.output))


def closing_line(output: str) -> str:
    """Return pytest's own summary, as "12 passed, 1 skipped in 3.40s"; empty if there is none."""
    found = re.findall(r"^=*\s*(\d+ [a-z].* in [\d.]+s.*?)\s*=*$", output, re.MULTILINE)
    return found[-1] if found else ""


def _checks(*, fix: bool) -> Iterator[Step]:
    if fix:
        yield Step("repair", ["ruff", "check", "--quiet", "--fix-only", *SOURCES])
    yield Step("format", ["ruff", "format", *([] if fix else ["--diff"]), *SOURCES])
    yield Step("lint", ["ruff", "check", *SOURCES])
    for platform in ("linux", "darwin", "win32"):
        # A cache for each: mypy throws its cache away when the platform changes.
        cache = f"--cache-dir={Path('.mypy_cache', platform)}"
        # The tests call what only this system has, and say so where they are run; the others are for what we deliver.
        delivered = [f"--package={name}" for name in DELIVERED] if platform != sys.platform else []
        yield Step(f"types on {platform}", ["mypy", "--platform", platform, cache, *delivered])


def _tests(*, nightly: bool) -> Step:
    options = ["--nightly"] if nightly else []
    return Step("tests", ["pytest", "-q", "-n", str(WORKERS), "--dist=loadgroup", "--cov", "--cov-report=", *options])


def _coverage() -> Iterator[Step]:
    report = ["coverage", "report", "--precision=2", f"--omit={','.join(ELSEWHERE)}"]
    yield Step("coverage of sandbox is whole", [*report, "--include=sandbox/*", "--fail-under=100"])
    yield Step("coverage is 95 % or more", [*report, "--fail-under=95"])


def _run_all(steps: Sequence[Step], environment: dict[str, str]) -> list[Outcome]:
    return [_run(step, environment) for step in steps]


def _run(step: Step, environment: dict[str, str]) -> Outcome:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *step.module],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    outcome = Outcome(step, done.returncode == 0, done.stdout)
    _say(f"{'passed' if outcome.passed else 'FAILED'} {step.name} ({time.monotonic() - began:.1f}s)")
    if not outcome.passed:
        _say(done.stdout)
    return outcome


def _close(outcomes: Sequence[Outcome], summary: str) -> int:
    failed = [outcome.step.name for outcome in outcomes if not outcome.passed]
    if not re.search(r"\b[1-9]\d* passed", summary):
        failed.append("no test passed")
    if failed:
        _say(f"The gate is closed: {', '.join(failed)}.")
    _say(summary or "no tests ran")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text.rstrip()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
