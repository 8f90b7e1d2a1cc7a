"""What shows how a computation goes."""

from dusk.callbacks import Callback
from dusk.diagnostics.progress import ProgressBar

__all__ = ["Callback", "ProgressBar"]
