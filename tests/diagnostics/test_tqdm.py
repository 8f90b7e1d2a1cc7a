"""tqdm's callback for Dask, unchanged, where Dask's names are dusk's."""

import subprocess
import sys
import textwrap

import pytest


def test_tqdm_callback():
    pytest.importorskip("tqdm", reason="tqdm isn't installed")
    script = """
        import io, warnings
        import dusk
        dusk.install()
        warnings.simplefilter("ignore")
        from tqdm.dask import TqdmCallback
        from dask import compute, delayed
        out = io.StringIO()
        with TqdmCallback(file=out, mininterval=0):
            assert sum(compute(*[delayed(abs)(-i) for i in range(10)])) == 45
        print("10/10" in out.getvalue())
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["True"], done.stderr
