"""Where settings files lie and what is in them."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

#: Programs whose files and variables are read; later ones win.
FAMILIES = ("DASK", "DUSK")


def search_path() -> tuple[str, list[str]]:
    """Return the user's folder and all places where files are looked for, least important first."""
    folders: list[str] = []
    user = ""
    for family in FAMILIES:
        name = family.lower()
        folders.append(os.environ.get(f"{family}_ROOT_CONFIG", f"/etc/{name}"))
        folders.append(os.path.join(sys.prefix, "etc", name))
        user = os.path.join(os.path.expanduser("~"), ".config", name)
        folders.append(user)
        chosen = os.environ.get(f"{family}_CONFIG")
        if chosen:
            user = chosen
            folders.append(chosen)
    return user, list(dict.fromkeys(folders))


def yaml_files(paths: Sequence[str]) -> Iterator[pathlib.Path]:
    """Yield the files of ``paths``: files as they are, of folders the .yaml, .yml and .json ones in order."""
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            try:
                found = sorted(p for p in path.iterdir() if p.suffix.lower() in (".json", ".yaml", ".yml"))
            except OSError:
                continue  # a folder of somebody else
            yield from found
        elif path.exists():
            yield path


def _parse_yaml(text: str) -> Any:
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def load_file(path: pathlib.Path) -> dict[str, Any] | None:
    """Read one file; None if it is empty or can't be opened."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        loaded = _parse_yaml(text)
    except Exception as error:
        raise ValueError(f"{path} is malformed, it isn't YAML; original error message:\n{error}") from None
    if loaded is not None and not isinstance(loaded, dict):
        raise ValueError(f"{path} is malformed: a settings file must have a dict on top, not a {type(loaded).__name__}")
    return loaded
