"""In front of PYTHONPATH, with DUSK_INSTALL=1: an interpreter that imports Dask gets dusk.

Costs nothing but this file until something named dask is imported.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


class _FirstImport:
    """Waits for the first import of Dask, installs dusk, and is gone."""

    def find_spec(self, name, path=None, target=None):  # noqa: ANN001, ANN201
        if name.partition(".")[0] != "dask":
            return None
        sys.meta_path.remove(self)
        import importlib.util

        from dusk import _install

        _install.install()

        return importlib.util.find_spec(name)


if os.environ.get("DUSK_INSTALL", "0").lower() not in ("", "0", "false", "no"):
    sys.meta_path.insert(0, _FirstImport())

# An environment may have a sitecustomize of its own, which this one hides.
for _folder in sys.path:
    _file = os.path.join(_folder or ".", "sitecustomize.py")
    if os.path.abspath(_folder or ".") != _HERE and os.path.isfile(_file):
        with open(_file, encoding="utf-8") as _text:
            exec(compile(_text.read(), _file, "exec"), {"__name__": "sitecustomize", "__file__": _file})
        break
