"""The program `examples/zarrs_bare.rs`: the crate zarrs alone, on all cores. Import fails when it isn't built.

``cargo build --release --example zarrs_bare`` builds it.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
PROGRAM = TARGET / "release" / "examples" / "zarrs_bare"

if not PROGRAM.exists():
    raise ImportError(f"{PROGRAM} isn't built: cargo build --release --example zarrs_bare")
