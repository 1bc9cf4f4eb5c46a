"""The commands that this server runs: processes with ids, their output, what they may do, and their end.

`Processes` is what the tools use. `seam.py` says what a system has to offer for it; `starting.py` finds that here.
"""

from fs_server.commands.process import Process
from fs_server.commands.processes import Asked, Processes
from fs_server.commands.seam import OFFERED, Enforcement

__all__ = ["OFFERED", "Asked", "Enforcement", "Process", "Processes"]
