import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fs_server.config import flags, load
from fs_server.config.keys import KEYS, Choice, Count, Key, Names, Seconds, Switch
from fs_server.config.settings import Limits, Settings

EVERYWHERE = [key for key in KEYS.values() if not key.file_only]


def values_of(key: Key) -> st.SearchStrategy[Any]:
    match key.kind:
        case Switch():
            return st.booleans()
        case Count(least, most):
            return st.integers(least, most)
        case Seconds(least, most):
            return st.floats(least, most)
        case Choice(words):
            return st.sampled_from(words)
        case Names():
            return st.lists(st.sampled_from(["git", "python3", "c++"]), min_size=1).map(tuple)
        case other:
            raise AssertionError(other)


LAYERS = st.fixed_dictionaries({}, optional={key.name: values_of(key) for key in EVERYWHERE})


def text_of(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def argv_of(layer: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in layer.items():
        flag = KEYS[name].flag
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag.removeprefix('--')}")
        else:
            words += [flag, text_of(value)]
    return words


def toml_of(layer: Mapping[str, Any]) -> str:
    def written(value: object) -> str:
        if isinstance(value, tuple):
            return repr(list(value))
        return (
            str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else repr(value)
        )

    # A dotted key is TOML's own short form of a key in a table.
    return "\n".join(f"{name} = {written(value)}" for name, value in layer.items())


@given(file=LAYERS, environment=LAYERS, line=LAYERS)
def test_flags_win_over_environment_over_file_over_default_for_every_key(
    file: Mapping[str, Any], environment: Mapping[str, Any], line: Mapping[str, Any]
) -> None:
    variables = {KEYS[name].variable: text_of(value) for name, value in environment.items()}
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "config.toml"
        config.write_text(toml_of(file), encoding="utf-8")
        invocation = flags.parse(["--config", str(config), *argv_of(line)])
        chosen = load.choose(invocation.layer, variables, invocation.config)
    for key in EVERYWHERE:
        found = chosen.values[key.name]
        if key.name in line:
            assert (found.value, found.origin) == (line[key.name], key.flag)
        elif key.name in environment:
            assert (found.value, found.origin) == (environment[key.name], key.variable)
        elif key.name in file:
            assert (found.value, found.origin) == (file[key.name], "file")
        else:
            assert (found.value, found.origin) == (key.default, "default")


def test_every_chosen_value_reaches_the_settings() -> None:
    line: dict[str, Any] = {
        "read_only": True,
        "client_roots": "narrow",
        "log_level": "debug",
        "limits.result_chars": 4_000,
    }
    line |= {"limits.resource_bytes": 5_000, "limits.input_bytes": 70_000, "limits.concurrent_calls": 3}
    line |= {"limits.calls_per_minute": 7, "limits.call_timeout_s": 1.5, "limits.confirm_delete_files": 0}
    line |= {"limits.change_bytes": 9_000, "limits.journal_bytes": 2_000_000, "limits.journal_days": 2}
    line |= {"commands": False, "allow_command": ("git", "cc"), "network": "full", "require": "namespace"}
    line |= {"limits.timeout_s": 9, "limits.output_bytes": 80_000, "limits.cpu_s": 8, "limits.memory_bytes": 7}
    line |= {"limits.processes": 6, "limits.open_files": 5, "limits.file_bytes": 4}
    assert line.keys() == {key.name for key in EVERYWHERE}
    settings = load.load(flags.parse(["here", *argv_of(line)]).layer, {})
    assert settings == Settings(
        roots=settings.roots,
        read_only=True,
        deny=settings.deny,
        protect=settings.protect,
        client_roots="narrow",
        log_level="debug",
        commands=False,
        allow_command=("git", "cc"),
        network="full",
        require="namespace",
        limits=Limits(
            result_chars=4_000,
            resource_bytes=5_000,
            input_bytes=70_000,
            concurrent_calls=3,
            calls_per_minute=7,
            call_timeout_s=1.5,
            confirm_delete_files=0,
            change_bytes=9_000,
            journal_bytes=2_000_000,
            journal_days=2,
            timeout_s=9,
            output_bytes=80_000,
            cpu_s=8,
            memory_bytes=7,
            processes=6,
            open_files=5,
            file_bytes=4,
        ),
        journal=settings.journal,
    )


def test_the_defaults_of_the_keys_are_the_defaults_of_the_records(home: Path) -> None:
    settings = load.load(flags.parse(["here"]).layer, {})
    assert settings.limits == Limits()
    plain = Settings(roots=settings.roots, deny=settings.deny, protect=settings.protect, journal=settings.journal)
    assert settings == plain
    assert settings.roots[0].path == home / "here"


def test_read_only_makes_every_root_read_only() -> None:
    settings = load.load(flags.parse(["a", "--root", "b=b", "--read-only"]).layer, {})
    assert [root.writable for root in settings.roots] == [False, False]
