"""Dask's own test suite, run against dusk. `python -m tests.compat --help` says how."""
