"""A server that starts daemons and waits to be killed: `python -m tests.sandbox.warden.mortal ROOT TIER ABI`."""

import asyncio
import sys
from pathlib import Path

from sandbox.runner import Tier
from tests.sandbox.warden.commands import ground, python


async def main() -> None:
    root, tier, abi = sys.argv[1:]
    with ground(Path(root), Tier(tier), most_abi=int(abi)) as served:
        await served.start(*python(15, "signal.pause()"))
        print(served.runner._process.pid, flush=True)  # noqa: T201 - the test reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
