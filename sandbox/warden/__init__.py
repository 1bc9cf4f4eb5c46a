"""A small process beside the server, from which every command starts. Standard library only, one thread, no policy.

The server could not do it itself: what a child has to do between fork and execve (give up rights, make a view of the
machine) takes many steps, and after a fork of a process with threads none of them is safe. The warden never has a
second thread, stays small however large the server is, and is started before the server confines itself.

Who is who, for each command:

- `service.py`, the warden, forks the stub for a request and forgets about it, until it has ended.
- `stub.py`, the stub, makes the confinement. In the tier `namespace` it leaves the namespaces of the machine first and
  becomes no more than a parent of the process that is number 1 in there.
- `guard.py`, the guard: in the tier `landlock` the stub itself, in the tier `namespace` process number 1. It forks the
  worker, listens to the server on a leash of its own, and ends the whole tree.
- `worker.py`, the worker, takes the last rights from itself and becomes the program.

`client.py` is the server's side; `protocol.py` is what the two say to each other.
"""
