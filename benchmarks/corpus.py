"""The files that every server is measured on, made once and kept."""

import random
from pathlib import Path

__all__ = ["make"]

LINE = "line {:>8} of the large file, padded to a length that a log line often has, {:06x}\n"
HUGE_LINES = 12_000_000


def make(where: Path) -> Path:
    """Return the root of the corpus, made beneath `where` if it is not there yet. About 1.2 GB."""
    root = where / "corpus"
    done = where / "corpus-2.complete"
    if done.exists():
        return root
    root.mkdir(parents=True, exist_ok=True)
    (root / "small.txt").write_text("x" * 1023 + "\n", encoding="utf-8")
    (root / "ten.txt").write_text("".join(LINE.format(n, n) for n in range(120_000)), encoding="utf-8")
    (root / "written").mkdir(exist_ok=True)
    (root / "many").mkdir(exist_ok=True)
    for number in range(10_000):
        (root / "many" / f"file{number:05}.txt").write_text("", encoding="utf-8")
    (root / "hundred").mkdir(exist_ok=True)
    chance = random.Random(1)  # noqa: S311 - the same corpus each time, nothing secret
    for number in range(100):
        text = "".join(f"{chance.random():.16f}\n" for _ in range(215))
        (root / "hundred" / f"{number:03}.txt").write_text(text, encoding="utf-8")
    with (root / "huge.log").open("w", encoding="utf-8") as file:
        for start in range(0, HUGE_LINES, 10_000):
            file.write("".join(LINE.format(n, n & 0xFFFFFF) for n in range(start, start + 10_000)))
    done.touch()
    return root
