"""Measurements of whole servers, side by side in one run: `python -m benchmarks`.

Quote the ratios, never the milliseconds.

Read in this order: `corpus.py` (the files), `server.py` (one server process, driven as a host does), `peers.py` (us
and the others), `rows.py` (what is measured), `__main__.py` (runs all, prints the table).
"""
