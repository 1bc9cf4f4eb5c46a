"""Mistakes that were made on the way here, or that others made: each stays found."""

import asyncio
import errno
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.errors import SandboxError, SandboxUnavailable
from sandbox.linux import landlock, namespaces, processes
from sandbox.linux.landlock import Files, Ruleset
from sandbox.linux.namespaces import Attribute, Namespace
from sandbox.runner import Allowed, Runner, Tier
from tests.sandbox.warden.commands import TIERS, Ground, ground, system_python
from tests.support.apart import in_a_thread
from tests.support.tree import make_tree


@pytest.fixture(params=TIERS)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    root = tmp_path / "root"
    root.mkdir()
    with ground(root, request.param) as one:
        yield one


def test_no_command_inherits_the_wardens_connection_or_a_guards(served: Ground) -> None:
    """With it, it could ask for commands of its own that are not confined as it is."""
    code = """
import json, os
def open_(descriptor):
    try: os.fstat(descriptor)
    except OSError: return False
    return True
print(json.dumps([descriptor for descriptor in range(4096) if open_(descriptor)]))
"""
    extra = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(extra, True)  # noqa: FBT003 - its only parameter
    try:
        assert served.python(code) == [0, 1, 2]
    finally:
        os.close(extra)


def test_a_command_has_no_capability_in_any_set_as_root_either(served: Ground) -> None:
    code = """
import ctypes, json
libc = ctypes.CDLL(None)
sets = ctypes.create_string_buffer(24)
libc.capget(ctypes.create_string_buffer(bytes.fromhex("22200820" "00000000"), 8), sets)
bounding = [n for n in range(64) if libc.prctl(23, n, 0, 0, 0) == 1]
print(json.dumps([sets.raw.hex().strip("0"), bounding, libc.prctl(39, 0, 0, 0, 0)]))
"""
    have, bounding, no_new_privileges = served.python(code.replace("22200820", "22050820"))
    assert (have, no_new_privileges) == ("", 1)
    if os.geteuid() == 0:
        assert bounding == []


def test_the_outer_user_and_group_are_ones_own(served: Ground) -> None:
    assert served.python("import os; print([os.getuid(), os.getgid()])") == [os.geteuid(), os.getegid()]


def test_the_warden_hides_its_own_files_and_can_make_namespaces_all_the_same(tmp_path: Path) -> None:
    """A process that is not dumpable cannot write its own maps; the child has to become dumpable for a moment."""
    with ground(tmp_path, Tier.NAMESPACE) as served:
        assert Path(f"/proc/{served.runner._process.pid}/environ").stat().st_uid == 0


def test_a_root_that_another_directory_replaced_is_not_served(tmp_path: Path) -> None:
    """Handles from before cannot be copied in a new namespace, so the path is opened anew, and compared."""
    root = tmp_path / "root"
    root.mkdir()
    with ground(root, Tier.NAMESPACE) as served:
        root.rename(tmp_path / "moved")
        root.mkdir()
        with pytest.raises(SandboxUnavailable) as refused:
            served.run("true")
        assert refused.value.facts["reason"] in {"view (ESTALE)", "directory (ESTALE)"}
        root.rmdir()
        with pytest.raises(SandboxUnavailable):
            asyncio.run(start_in(served, tmp_path / "moved"))
        (tmp_path / "moved").rename(root)
        assert served.run("true")[0].exit_code == 0


async def start_in(served: Ground, directory: Path) -> None:
    served.root = directory
    try:
        await served.to_the_end("true")
    finally:
        served.root = directory.parent / "root"


def test_a_directory_that_commands_may_not_see_is_none_to_start_in(tmp_path: Path) -> None:
    make_tree(tmp_path, ["root/", "outside/"])
    with ground(tmp_path / "root", Tier.NAMESPACE) as served:
        served.root = tmp_path / "outside"
        with pytest.raises(SandboxUnavailable, match="directory"):
            served.run("true")


def test_a_root_beneath_tmp_is_there_although_tmp_is_a_commands_own() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name, ground(Path(name), Tier.NAMESPACE) as served:
        Path(name, "f").write_text("F")
        assert served.run("sh", "-c", f"cat {name}/f; ls /tmp; echo G > {name}/g")[1] == f"F{Path(name).name}\n"
        assert Path(name, "g").read_text() == "G\n"


def test_every_command_has_a_tmp_of_its_own_that_it_may_write(tmp_path: Path) -> None:
    """Rules belong to inodes: those for the last command's /tmp say nothing of the next one's."""
    with ground(tmp_path, Tier.NAMESPACE) as served:
        for _ in range(3):
            script = (
                "! test -e $TMPDIR/f && ls -A /dev/shm && echo x > $TMPDIR/f && echo y > /dev/shm/f && echo $TMPDIR"
            )
            ended, printed = served.run("sh", "-c", script)
            assert (ended.exit_code, printed) == (0, "/tmp\n")


def test_in_the_lower_tier_temporary_files_go_to_the_scratch_directory(tmp_path: Path) -> None:
    make_tree(tmp_path, ["root/", "scratch/"])
    scratch = os.open(tmp_path / "scratch", os.O_PATH)
    with ground(tmp_path / "root", Tier.LANDLOCK, scratch=Allowed(scratch)) as served:
        ended, _ = served.run("sh", "-c", "echo x > $TMPDIR/f && ! echo x > /tmp/fs-server-f && ! ls ..")
        assert ended.exit_code == 0
        assert (tmp_path / "scratch/f").read_text() == "x\n"
        assert served.run("sh", "-c", "echo $TMPDIR", environment={"TMPDIR": "mine"})[1] == "mine\n"
    os.close(scratch)


def test_a_hundred_commands_at_once_all_run(served: Ground) -> None:
    """A socket of packets takes a dozen or so; whoever finds no room waits for it."""

    async def test() -> None:
        async with asyncio.timeout(50):
            every = await asyncio.gather(*(served.to_the_end("sh", "-c", f"exit {n}") for n in range(100)))
        assert [ended.exit_code for ended, _ in every] == list(range(100))

    asyncio.run(test())


def test_behind_landlock_nothing_can_be_mounted() -> None:
    """So every mount is made before."""
    if os.geteuid() != 0:
        pytest.skip("an ordinary user mounts nothing anyway")

    def mount() -> None:
        namespaces.unshare(Namespace.MOUNTS)
        namespaces.make_private()
        processes.gain_nothing_by_exec()
        with Ruleset(landlock.abi(), files=Files.WRITE_FILE) as rules:
            rules.restrict()
        namespaces.mount_new("tmpfs", "/tmp", Attribute.READ_ONLY)

    with pytest.raises(PermissionError):
        in_a_thread(mount)


def test_protected_files_and_the_directories_above_them_stay(tmp_path: Path) -> None:
    """Without the pins above, `mv .git g && mkdir -p .git/hooks` would put an unprotected one in its place.

    Where mv(1) cannot rename it copies; what it copied from stays.
    """
    make_tree(tmp_path, ["root/.git/hooks/pre = P", "root/.git/config = C", "root/.git/index = I", "root/f = F"])
    root = tmp_path / "root"
    (root / "link").symlink_to("f")
    wanted = [".git/hooks", ".git/config", ".mcp.json", "link", "f/x", ".git/hooks"]
    with ground(root, Tier.NAMESPACE) as served:

        async def test() -> tuple[str, ...]:
            script = """
            for act in "echo x > .git/hooks/pre" "echo x > .git/hooks/new" "rm .git/hooks/pre" "mv .git g" \\
                "echo x > .git/config" "mv f .git/config" "rm -r .git/hooks" "mv .git/hooks h" "chmod 700 .git/hooks"
            do sh -c "$act" 2> errors && echo "$act"
            done
            echo x > .git/index; echo x > .git/new; rm errors; rm -r h; mkdir d; mv d e
            """
            run = await served.start("sh", "-c", script, protected=[str(root / path) for path in wanted])
            assert (await run.ended()).exit_code == 0
            run.close()
            return run.unprotected

        assert asyncio.run(test()) == tuple(str(root / path) for path in (".mcp.json", "link", "f/x"))
        assert (root / ".git/hooks/pre").read_text() == "P"
        assert (root / ".git/config").read_text() == "C"
        assert (root / ".git/new").read_text() == "x\n"
        assert sorted(path.name for path in root.iterdir()) == [".git", "e", "f", "link"]
        # Protection is of one command; the next one asks for its own.
        assert served.run("sh", "-c", "echo x > .git/config")[0].exit_code == 0


@pytest.mark.parametrize("tier", TIERS)
def test_a_root_that_may_only_be_read_is_only_read(tier: Tier, tmp_path: Path) -> None:
    make_tree(tmp_path, ["outer/inner/f = F", "outer/g = G"])
    handles = [os.open(tmp_path / path, os.O_PATH) for path in ("outer/inner", "outer")]
    for writable in (False, True):
        roots = [Allowed(handles[0], writable=False), Allowed(handles[1], writable=writable)]
        runner = Runner.start(roots, tiers=[tier])
        if runner.report.tier is None:
            pytest.skip(f"{tier} is not offered here")
        served = Ground(tmp_path / "outer", runner, handles[1])
        inner, _ = served.run("sh", "-c", "echo x > inner/f")
        outer, _ = served.run("sh", "-c", "cat inner/f && echo x > g")
        # Where the outer one is writable, only mounts can take an inner one back.
        assert (inner.exit_code == 0) == (writable and tier is Tier.LANDLOCK)
        assert (outer.exit_code == 0) == writable
        runner.close()
    for handle in handles:
        os.close(handle)


def test_names_of_the_system_that_are_links_are_links(tmp_path: Path) -> None:
    with ground(tmp_path, Tier.NAMESPACE) as served:
        seen = served.python("import json, os; print(json.dumps([os.path.islink('/bin'), os.listdir('/')]))")
    assert seen[0] == Path("/bin").is_symlink()
    assert set(seen[1]) <= {path.name for path in Path("/").iterdir()} | {"nix", "gnu"}
    assert "root" not in seen[1]
    assert "home" not in seen[1] or tmp_path.parts[1] == "home"


def test_what_a_command_is_told_is_all_that_it_knows(served: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    code = "import json, os, signal; mask = sorted(signal.pthread_sigmask(0, []))"
    code += "; print(json.dumps([dict(os.environ), os.getcwd(), mask]))"
    environment, cwd, mask = served.python(code, environment={"A": "1", "PATH": "/usr/bin:/bin"})
    assert environment.keys() - {"TMPDIR", "LC_CTYPE"} == {"A", "PATH"}
    assert (cwd, mask) == (str(served.root), [])


def test_ignored_signals_are_not_inherited(served: Ground) -> None:
    code = "import json, signal; print(json.dumps([s.name for s in signal.Signals if signal.getsignal(s) == 1]))"
    assert set(served.python(code)) == {"SIGPIPE", "SIGXFSZ"}  # Python's own
    assert served.run("sh", "-c", "kill -PIPE $$")[0].signal == 13


def test_the_pipes_of_a_command_are_its_own(served: Ground) -> None:
    """A guard that kept them open would keep the server from seeing their end."""

    async def test() -> None:
        reading, writing = os.pipe()
        run = await served.start("sh", "-c", "exec <&-; sleep 100", stdin=reading)
        os.close(reading)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            closed = False
            while not closed:
                try:
                    os.write(writing, b"x")
                    await asyncio.sleep(0)
                except BrokenPipeError:
                    closed = True
        run.kill()
        await run.ended()
        run.close()
        os.close(writing)
        assert loop.is_running()

    asyncio.run(test())


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("no-such-program",), "command_not_found"),
        (("./no-such-program",), "command_not_found"),
        (("/etc/passwd",), "command_refused"),
        (("./f",), "command_refused"),
        (("./text",), "command_refused"),
        (("./f/x",), "command_refused"),
        (("",), "command_refused"),
        ((), "command_refused"),
        (("true", "a\0b"), "command_refused"),
        (("true", "x" * (128 << 10)), "command_refused"),
        (("true", *(("x" * 100_000,) * 25)), "command_refused"),
        (("x" * 5000,), "command_refused"),
    ],
)
def test_what_cannot_be_executed_is_told_and_leaves_nothing(served: Ground, argv: tuple[str, ...], code: str) -> None:
    (served.root / "f").touch()
    text = served.root / "text"
    text.write_bytes(b"\0\1\2")
    text.chmod(0o755)
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(SandboxError) as refused:
        served.run(*argv)
    assert refused.value.code == code
    assert refused.value.subject == (argv[0] if argv else "")
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_an_environment_with_a_name_that_is_none_is_refused(served: Ground, name: str) -> None:
    with pytest.raises(SandboxError) as refused:
        served.run("true", environment={name: "1"})
    assert refused.value.code == "command_refused"


def test_a_megabyte_of_arguments_arrives_whole(served: Ground) -> None:
    words = ["x" * 100_000] * 10 + ["\udcff", "ü"]
    code = "import os, sys; print([sum(map(len, sys.argv)), os.fsencode(sys.argv[-2]).hex()])"
    ended, printed = served.run(system_python(), "-c", code, *words)
    assert (ended.exit_code, printed) == (0, "[1000004, 'ff']\n")


def test_a_command_that_prints_for_ever_and_ignores_requests_is_ended(served: Ground) -> None:
    async def test() -> None:
        reading, writing = os.pipe()
        run = await served.start("sh", "-c", "trap '' TERM; while :; do echo y; done", output=writing)
        os.close(writing)
        for number in range(100):
            assert os.read(reading, 1 << 16)
            if number == 0:
                run.signal(15)
        began = time.monotonic()
        run.kill()
        async with asyncio.timeout(10):
            ended = await run.ended()
        assert ended.why == "server"
        assert time.monotonic() - began < 10
        while os.read(reading, 1 << 20):
            pass
        os.close(reading)
        run.close()

    asyncio.run(test())


def test_with_network_tcp_gets_out_and_other_sockets_do_not(tmp_path: Path) -> None:
    code = """
import json, socket
def tried(*kind):
    try: socket.socket(*kind).close()
    except OSError as error: return error.errno
    return 0
with socket.create_connection(("127.0.0.1", PORT)) as there:
    said = there.recv(9).decode()
kinds = [(socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_UNIX,), (socket.AF_INET, 1, 262)]
print(json.dumps([said, *(tried(*kind) for kind in kinds)]))
"""
    for tier in TIERS:
        with socket.create_server(("127.0.0.1", 0)) as listening, ground(tmp_path, tier, network=True) as served:

            async def test(served: Ground = served, listening: socket.socket = listening) -> None:
                loop = asyncio.get_running_loop()
                listening.setblocking(False)  # noqa: FBT003 - its only parameter
                port = listening.getsockname()[1]
                command = served.to_the_end(system_python(), "-c", code.replace("PORT", str(port)))
                running = asyncio.ensure_future(command)
                there, _ = await loop.sock_accept(listening)
                there.sendall(b"hello")
                there.close()
                ended, printed = await running
                assert ended.exit_code == 0, printed
                assert json.loads(printed) == ["hello", 0, errno.EACCES, errno.EACCES]

            asyncio.run(test())


def test_real_tools_work(served: Ground) -> None:
    script = """
    set -e
    git init -q . && git config user.email a@b && git config user.name n
    printf 'int main(void){return 42;}' > m.c
    printf 'm: m.c\\n\\tcc -o m m.c\\n' > Makefile
    make >/dev/null && { ./m || test $? = 42; }
    git add . && git commit -qm one && git log --oneline | wc -l
    tar cf t.tar m.c && tar tf t.tar && find . -name m.c && cat <(echo substituted)
    """
    for tool in ("git", "cc", "make", "tar", "bash"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool} here")
    ended, printed = served.run(
        "bash", "-c", script, environment={"HOME": str(served.root), "TMPDIR": str(served.root)}
    )
    assert (ended.exit_code, printed) == (0, "1\nm.c\n./m.c\nsubstituted\n")
