"""Which pandas and pyarrow there are, and small frames for tests, where libraries look for them."""

from __future__ import annotations

import pyarrow as pa
from packaging.version import Version

from dusk import _pandas_compat
from dusk._pandas_compat import *  # noqa: F403

HAS_PYARROW = True
PYARROW_VERSION = Version(pa.__version__)

__all__ = ["HAS_PYARROW", "PYARROW_VERSION", *_pandas_compat.__all__]
