"""What the operator chose: one file, the environment and the command line, merged once and frozen.

Read in this order: `settings.py` (the records that the rest of the server is given), `keys.py` (every key, its
type and its words), `load.py` (who wins), then the three sources `file.py`, `environment.py`, `flags.py`.

Nothing here opens a root. The sandbox does that, and refuses what must not be served.
"""
