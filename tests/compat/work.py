"""The folder that the suite runs in: upstream's test files, copied so that pytest names them as Python does."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.compat.boot import compat_lenient

#: The version whose tests are run.
VERSION = "2026.8.0"
#: Packages that look as if they weren't installed: upstream's tests of them are about Dask's own graphs.
BLOCKED = ("distributed", "dask_expr", "dask_cudf", "cudf", "cupy")
BOOT = Path(__file__).parent / "boot"

# Upstream's settings, which the wheel lacks too.
_WARNINGS = (
    "error",
    "ignore:Couldn't detect a suitable IP address:RuntimeWarning",
    "ignore:The 'generic' unit for NumPy timedelta is deprecated:DeprecationWarning",
    "module:Exception ignored:pytest.PytestUnraisableExceptionWarning",
    "module:unclosed database in <sqlite3.Connection:ResourceWarning",
)


def find_dask() -> Path:
    """Return the folder of the installed Dask, without importing it.

    Raises
    ------
    RuntimeError
        If there is none, or one of another version.
    """
    from importlib import metadata

    try:
        version = metadata.version("dask")
    except metadata.PackageNotFoundError:
        raise RuntimeError(f"the suite is taken from dask=={VERSION}, and no dask is installed") from None
    if version != VERSION:
        raise RuntimeError(f"the ledger is for dask=={VERSION}; installed is {version}")
    for folder in sys.path:
        if (Path(folder) / "dask" / "__init__.py").is_file():
            return Path(folder) / "dask"
    raise RuntimeError("dask is installed, but not in a folder of sys.path")


def find_target(target: str, folder: Path | None) -> Path:
    """Return the folder of the package to be tested."""
    if folder is not None:
        return folder.resolve() / target
    spec = importlib.util.find_spec(target)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{target} is not installed")
    return Path(spec.origin).parent


def make_work_folder(work: Path, target: str, target_folder: Path, *, lenient: bool, strict: bool) -> list[str]:
    """Fill the folder and return the test files in it, relative to its ``dask``.

    Every folder from ``dask`` down to the tests gets an ``__init__.py``, so that a file is
    ``dask.bag.tests.test_random`` to pytest. Without it all tests folders would be one package ``tests``, and files
    of the same name in two of them would clash, or in pytest's importlib mode silently be taken for each other.

    Parameters
    ----------
    work : Path
        The folder; its ``dask`` is made anew.
    target : str
        Package to be tested.
    target_folder : Path
        Where that is.
    lenient : bool
        Rewrite the files' imports; see `compat_lenient`.
    strict : bool
        Turn warnings into errors, as upstream does.
    """
    source, top = find_dask(), work / "dask"
    shutil.rmtree(top, ignore_errors=True)
    files: list[str] = []
    for folder, below, names in os.walk(source):
        below[:] = sorted(name for name in below if name != "__pycache__")
        relative = Path(folder).relative_to(source)
        if "tests" not in relative.parts:
            continue
        (top / relative).mkdir(parents=True, exist_ok=True)
        for name in names:
            made = top / relative / name
            shutil.copyfile(Path(folder) / name, made)
            if name.endswith(".py"):
                if lenient:
                    made.write_text(compat_lenient.rewrite(made.read_text(encoding="utf-8")), encoding="utf-8")
                if name.startswith("test_"):
                    files.append((relative / name).as_posix())
    shutil.copyfile(source / "conftest.py", top / "conftest.py")
    for folder, _, names in os.walk(top):
        if any(name.endswith(".py") for name in names) or "tests" not in Path(folder).relative_to(top).parts:
            (Path(folder) / "__init__.py").touch()
    # Tests of the settings read these beside their folder.
    for name in ("{}.yaml", "{}-schema.yaml"):
        given = target_folder / name.format(target)
        if given.is_file():
            shutil.copyfile(given, top / name.format("dask"))
    (work / "pytest.ini").write_text(_settings(strict), encoding="utf-8")
    return sorted(files)


def _settings(strict: bool) -> str:
    lines = ["[pytest]"]
    if strict:
        lines += ["filterwarnings =", *(f"    {each}" for each in _WARNINGS)]
        # Dask 2026.8 itself uses what pandas 3.1 deprecates. Older pandas hasn't got the category.
        import pandas.errors

        if hasattr(pandas.errors, "Pandas4Warning"):
            lines.append("    ignore::pandas.errors.Pandas4Warning")
    return "\n".join(lines) + "\n"


def environment(
    work: Path, out: Path, target: str, folder: Path | None, *, blocked: tuple[str, ...], lenient: bool
) -> dict[str, str]:
    """Return the environment for pytest and all it starts."""
    path = [str(BOOT)]
    if folder is not None:
        path.append(str(folder.resolve()))
    # Settings of the caller must not decide what passes.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DASK_", "DUSK_", "PYTEST_"))}
    env.update(
        PYTHONPATH=os.pathsep.join(path),
        COMPAT_TARGET=target,
        COMPAT_TESTS=str(work),
        COMPAT_OUT=str(out),
        COMPAT_BLOCK=",".join(blocked),
        COMPAT_LENIENT="1" if lenient else "0",
    )
    return env


def start(command: list[str], work: Path, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start pytest in a session of its own, so that it can be ended with all its children."""
    with log.open("wb") as file:
        return subprocess.Popen(
            command, cwd=work, env=env, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
