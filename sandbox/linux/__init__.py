"""What only Linux's kernel offers, asked by ctypes: no policy, and nothing but the standard library.

The warden imports these files without the rest of the package (see `sandbox/warden/start.py`), so they import
nothing of ours but each other.
"""
