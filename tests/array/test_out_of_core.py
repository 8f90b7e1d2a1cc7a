"""Programs over Zarr arrays several times as large as the memory limit: right results, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import dusk
import dusk.array as da

LIMIT = 24_000_000
SHAPE = (24_000, 1000)
CHUNKS = (1000, 1000)

PROGRAMS = {
    "normalise": "x / da.linalg.norm(x, axis=1, keepdims=True)",
    "centre": "x - x.mean(axis=0)",
    "standardise": "(x - x.mean(axis=0)) / x.std(axis=0)",
    "overlap": "da.map_overlap(lambda b: b + 1, x, depth={0: 2, 1: 0}, boundary='nearest', dtype='f4')",
    "columns": "x.rechunk((24_000, 40))",
    "columns_by_function": "x.map_blocks(np.negative).rechunk((24_000, 40))",
    "transpose": "x.T",
    "reshape": "x.reshape((24_000, 50, 20))",
    "ravel": "x.reshape(-1)",
    "ravel_columns": "x.rechunk((24_000, 40)).reshape(-1)",
    "shuffle": "x[np.random.default_rng(0).permutation(24_000)]",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    x = np.random.default_rng(0).standard_normal(SHAPE, dtype="f4")
    da.from_array(x, chunks=CHUNKS).to_zarr(str(folder / "x.zarr"), compressors=None)
    return folder / "x.zarr", x


@pytest.mark.parametrize("name", PROGRAMS)
def test_memory_stays_within_the_limit(source, tmp_path, name):
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    place, x = source
    program = f"""
        import re
        import numpy as np
        import dusk
        import dusk.array as da

        def highest():
            return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

        da.ones((10, 10), chunks=5).map_blocks(np.negative).to_zarr({str(tmp_path / "warm.zarr")!r})
        def written():
            return int(re.search(r"wchar: (\\d+)", open("/proc/self/io").read())[1])

        before, written_before = highest(), written()
        with dusk.config.set({{"memory.limit": {LIMIT}, "num_workers": 2}}):
            x = da.from_zarr({str(place)!r})
            ({PROGRAMS[name]}).to_zarr({str(tmp_path / "out.zarr")!r}, compressors=None)
        print(highest() - before, written() - written_before)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    more, written = map(int, done.stdout.split())
    expected = eval(PROGRAMS[name], {"da": NumPyArrays, "np": np, "x": Eager(x)})
    np.testing.assert_allclose(da.from_zarr(str(tmp_path / "out.zarr")).compute(), expected, rtol=2e-4, atol=2e-5)
    if name in ("normalise", "centre", "standardise", "overlap", "transpose", "reshape"):
        # What was read from a file is read again rather than spilled.
        assert written < 1.2 * x.nbytes
    # The array is four times the limit. Beside chunks there is what writers and spilling need for a block each.
    assert more < 2.7 * LIMIT, f"{more / 1e6:.0f} MB over an array of {x.nbytes / 1e6:.0f} MB"


class Eager(np.ndarray):
    """NumPy's array with the methods of Dask's that the programs call, computed in float64 where that is more exact."""

    def __new__(cls, x):
        return x.view(cls)

    def mean(self, axis):
        return np.asarray(self).mean(axis=axis, dtype="f8")

    def std(self, axis):
        return np.asarray(self).std(axis=axis, dtype="f8")

    def rechunk(self, chunks):
        return np.asarray(self)

    def map_blocks(self, function):
        return Eager(function(np.asarray(self)))


class NumPyArrays:
    """The functions of `dusk.array` that the programs call, by NumPy."""

    linalg = np.linalg

    @staticmethod
    def map_overlap(function, x, **kwargs):
        return function(np.asarray(x))


def test_chunks_that_are_asked_for_are_there_at_the_end(source):
    place, x = source
    with dusk.config.set({"memory.limit": LIMIT}):
        d = da.from_zarr(str(place))
        whole, total, held = dusk.compute(d, d.sum(dtype="f8"), d[:3000])
        kept = d.persist()
    np.testing.assert_array_equal(whole, x)
    np.testing.assert_array_equal(held, x[:3000])
    np.testing.assert_array_equal(kept.compute(), x)
    np.testing.assert_allclose(total, x.sum(dtype="f8"))


def test_what_lies_plainly_in_files_is_read_again_rather_than_kept(tmp_path):
    """Also without a tight budget: a pass over a large array, and another one with what came of it, both stream."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    x = np.arange(20_000, dtype="f4")[:, None] + np.arange(2000, dtype="f4")
    da.from_array(x, chunks=(500, 2000)).to_zarr(str(tmp_path / "x.zarr"), compressors=None)
    program = f"""
        import re
        import dusk
        import dusk.array as da

        def highest():
            return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

        da.ones((10, 10), chunks=5).to_zarr({str(tmp_path / "warm.zarr")!r})
        before = highest()
        with dusk.config.set(num_workers=2):
            x = da.from_zarr({str(tmp_path / "x.zarr")!r})
            (x - x.mean(axis=0)).to_zarr({str(tmp_path / "out.zarr")!r}, compressors=None)
        print(highest() - before)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 0.5 * x.nbytes
    got = da.from_zarr(str(tmp_path / "out.zarr")).compute()
    np.testing.assert_allclose(got, x - x.mean(axis=0, dtype="f8"), atol=0.01)
