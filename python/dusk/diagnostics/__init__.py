"""What shows how a computation goes."""

from dusk.callbacks import Callback
from dusk.diagnostics.profile import CacheProfiler, Profiler, ResourceProfiler
from dusk.diagnostics.profile_visualize import visualize
from dusk.diagnostics.progress import ProgressBar

__all__ = ["CacheProfiler", "Callback", "Profiler", "ProgressBar", "ResourceProfiler", "visualize"]
