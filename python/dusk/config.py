"""Settings: one nested dictionary for the process, filled from files, the environment and calls.

Later sources win: the defaults in ``dusk.yaml``, Dask's files, dusk's files, ``DASK_*`` variables, ``DUSK_*``
variables, `set`. Dask's names are read so that existing set-ups keep working. Keys are nested with dots, ``-`` and
``_`` are the same, and unknown keys are kept.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import enum
import json
import os
import pathlib
import warnings
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Literal, TypeAlias

from dusk._config_files import FAMILIES, load_file, search_path, yaml_files
from dusk._forks import new_lock


class NoDefault(enum.Enum):
    """Type of `no_default`, which stands for an argument that wasn't given."""

    no_default = "no_default"

    def __repr__(self) -> str:
        return "<no_default>"


no_default = NoDefault.no_default
Config: TypeAlias = dict[str, Any]

#: The settings of this process. Change them with `set`, `update_defaults` and `refresh`.
config: Config = {}
global_config = config
#: Held while the settings change.
config_lock = new_lock()
#: What `update_defaults` was called with, in order.
defaults: list[Mapping[str, Any]] = []

_NOT_SETTINGS = {"CONFIG", "ROOT_CONFIG", "INTERNAL_INHERIT_CONFIG"}

#: Old keys and the keys that replace them; None for a key that is gone.
deprecations: dict[str, str | None] = {
    "fuse-ave-width": "optimization.fuse.ave-width",
    "fuse-max-height": "optimization.fuse.max-height",
    "fuse-max-width": "optimization.fuse.max-width",
    "fuse-max-depth-new-edges": "optimization.fuse.max-depth-new-edges",
    "fuse-rename-keys": "optimization.fuse.rename-keys",
    "shuffle": "dataframe.shuffle.method",
    "dataframe.shuffle.algorithm": "dataframe.shuffle.method",
    "dataframe.shuffle-compression": "dataframe.shuffle.compression",
    "array.rechunk-threshold": "array.rechunk.threshold",
    "array.shuffle.chunksize-tolerance": "array.chunk-size-tolerance",
    "admin.traceback.shorten.what": "admin.traceback.shorten",
}


PATH, paths = search_path()


def canonical_name(k: str, config: Mapping[str, Any]) -> str:
    """Return the spelling of a key that is in ``config`` already, where ``-`` and ``_`` are the same.

    Examples
    --------
    >>> canonical_name("batch_rows", {"batch-rows": 1})
    'batch-rows'
    >>> canonical_name("batch_rows", {})
    'batch_rows'
    """
    if k in config or not isinstance(k, str):
        return k
    if "_" in k or "-" in k:
        for spelling in (k.replace("_", "-"), k.replace("-", "_")):
            if spelling in config:
                return spelling
        plain = k.replace("_", "-")
        for other in config:
            if isinstance(other, str) and other.replace("_", "-") == plain:
                return other
    return k


def update(
    old: Config,
    new: Mapping[str, Any],
    priority: Literal["old", "new", "new-defaults"] = "new",
    defaults: Mapping[str, Any] | None = None,
) -> Config:
    """Merge one nested dictionary into another, in place.

    Parameters
    ----------
    old : dict
        The dictionary to change.
    new : mapping
        What is merged into it.
    priority : {"old", "new", "new-defaults"}, default "new"
        Which value stays where both have one. With "new-defaults" the new one does only where the old one still is what
        ``defaults`` says.
    defaults : mapping, optional
        The defaults so far, for "new-defaults".

    Returns
    -------
    dict
        ``old``.

    Examples
    --------
    >>> update({"x": 1, "y": {"a": 2}}, {"x": 9, "y": {"b": 3}}, priority="old")
    {'x': 1, 'y': {'a': 2, 'b': 3}}
    """
    for key, value in new.items():
        key = canonical_name(key, old)
        if isinstance(value, Mapping):
            if not isinstance(old.get(key), MutableMapping):
                old[key] = {}
            below = defaults.get(canonical_name(key, defaults)) if defaults else None
            update(old[key], value, priority, below if isinstance(below, Mapping) else None)
        elif priority == "new" or key not in old or (priority == "new-defaults" and _is_default(key, old, defaults)):
            old[key] = value
    return old


def _is_default(key: str, config: Config, defaults: Mapping[str, Any] | None) -> bool:
    if not defaults:
        return False
    spelling = canonical_name(key, defaults)
    return spelling in defaults and defaults[spelling] == config[key]


def merge(*dicts: Mapping[str, Any]) -> Config:
    """Return a new dictionary of all the given ones merged; later ones win.

    Examples
    --------
    >>> merge({"x": 1, "y": {"a": 2}}, {"y": {"b": 3}})
    {'x': 1, 'y': {'a': 2, 'b': 3}}
    """
    result: Config = {}
    for each in dicts:
        update(result, each)
    return result


def collect_yaml(paths: Sequence[str], *, return_paths: bool = False) -> Iterator[Config | tuple[pathlib.Path, Config]]:
    """Read the YAML and JSON files in some places.

    Parameters
    ----------
    paths : sequence of str
        Files, or folders whose ``.yaml``, ``.yml`` and ``.json`` files are taken in the order of their names. What
        doesn't exist or may not be read is left out.
    return_paths : bool, default False
        Yield ``(path, settings)`` pairs.

    Yields
    ------
    dict, or tuple of Path and dict

    Raises
    ------
    ValueError
        If a file isn't YAML, or isn't a dictionary.
    """
    for path in yaml_files(paths):
        loaded = load_file(path)
        if loaded is not None:
            yield (path, loaded) if return_paths else loaded


def paths_containing_key(key: str, paths: Sequence[str] | None = None) -> Iterator[pathlib.Path]:
    """Yield the files that set a key.

    Parameters
    ----------
    key : str
        A nested key such as ``"memory.limit"``.
    paths : sequence of str, optional
        Where to look; by default all places dusk reads.
    """
    missing = object()
    for path in yaml_files(globals()["paths"] if paths is None else paths):
        loaded = load_file(path)
        if loaded is not None and get(key, missing, config=loaded) is not missing:
            yield path


def interpret_value(value: str) -> Any:
    """Read the value of an environment variable as Python would, with ``true``, ``false``, ``none`` in any case.

    Examples
    --------
    >>> interpret_value("1"), interpret_value("TRUE"), interpret_value("100 MB")
    (1, True, '100 MB')
    """
    try:
        return ast.literal_eval(value)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        pass
    words = {"none": None, "null": None, "false": False, "true": True}
    return words.get(value.strip().lower(), value)


def collect_env(env: Mapping[str, str] | None = None) -> Config:
    """Read settings from environment variables.

    ``DUSK_MEMORY__LIMIT=1GB`` is ``memory.limit``: two underscores nest, one stays. ``DASK_...`` variables are read
    too and lose against ``DUSK_...``. ``DUSK_INTERNAL_INHERIT_CONFIG`` holds settings that a parent process passed on
    with `serialize`; other variables win over it.

    Parameters
    ----------
    env : mapping, optional
        The environment; by default the process's.

    Returns
    -------
    dict
    """
    env = os.environ if env is None else env
    result: Config = {}
    for family in FAMILIES:
        inherited = env.get(f"{family}_INTERNAL_INHERIT_CONFIG")
        if inherited:
            update(result, deserialize(inherited))
    for family in FAMILIES:
        prefix = family + "_"
        for name in sorted(env):
            short = name[len(prefix) :]
            if name.startswith(prefix) and short.strip("_") and short not in _NOT_SETTINGS:
                _assign(result, short.lower().strip("_").replace("__", "."), interpret_value(env[name]))
    return result


def collect(paths: Sequence[str] | None = None, env: Mapping[str, str] | None = None) -> Config:
    """Read settings from files and the environment; the environment wins.

    Parameters
    ----------
    paths : sequence of str, optional
        Files and folders; by default all places dusk reads.
    env : mapping, optional
        The environment; by default the process's.

    Returns
    -------
    dict
    """
    found = merge(*collect_yaml(globals()["paths"] if paths is None else paths))  # type: ignore[arg-type]
    rename(config=found)
    environment = collect_env(env)
    rename(config=environment)
    return update(found, environment)


def refresh(config: Config | None = None, defaults: Sequence[Mapping[str, Any]] = defaults, **kwargs: Any) -> None:
    """Read all settings again; what `set` had changed is lost.

    Parameters
    ----------
    config : dict, optional
        The dictionary to fill; by default the process's.
    defaults : list of mappings, optional
        Defaults to start from.
    **kwargs
        For `collect`.
    """
    target = globals()["config"] if config is None else config
    fresh: Config = {}
    for each in defaults:
        update(fresh, each, priority="old")
    update(fresh, collect(**kwargs))
    with config_lock:
        target.clear()
        target.update(fresh)


def get(key: str, default: Any = no_default, config: Mapping[str, Any] | None = None, override_with: Any = None) -> Any:
    """Return a setting.

    Parameters
    ----------
    key : str
        A nested key such as ``"memory.limit"``.
    default : object, optional
        Returned if the key isn't set.
    config : mapping, optional
        Where to look; by default the process's settings.
    override_with : object, optional
        Returned unchanged unless it is None, so that an argument can win over the setting.

    Raises
    ------
    KeyError
        If the key isn't set and there is no default.

    Examples
    --------
    >>> get("memory.limit", config={"memory": {"limit": "1GB"}})
    '1GB'
    """
    if override_with is not None:
        return override_with
    value: Any = globals()["config"] if config is None else config
    for part in check_deprecations(key).split("."):
        try:
            value = value[canonical_name(part, value)]
        except (TypeError, IndexError, KeyError):
            if default is no_default:
                raise KeyError(key) from None
            return default
    return value


def pop(key: str, default: Any = no_default, config: Config | None = None) -> Any:
    """Take a setting out and return it.

    Parameters
    ----------
    key : str
        A nested key.
    default : object, optional
        Returned if the key isn't set.
    config : dict, optional
        Where to take it from; by default the process's settings.

    Raises
    ------
    KeyError
        If the key isn't set and there is no default.
    """
    place: Any = globals()["config"] if config is None else config
    *parents, last = key.split(".")
    for part in parents:
        place = place.get(canonical_name(part, place)) if isinstance(place, Mapping) else None
    if isinstance(place, MutableMapping):
        last = canonical_name(last, place)
        if last in place:
            return place.pop(last)
    if default is no_default:
        raise KeyError(key)
    return default


def _assign(config: Config, key: str, value: Any, undo: list[tuple[Config, str, Any]] | None = None) -> None:
    """Set a nested key; note in ``undo`` what was replaced where."""
    place = config
    *parents, last = key.split(".")
    for part in parents:
        part = canonical_name(part, place)
        if not isinstance(place.get(part), MutableMapping):
            if undo is not None:
                undo.append((place, part, place.get(part, no_default)))
            place[part] = {}
        place = place[part]
    last = canonical_name(last, place)
    if undo is not None:
        undo.append((place, last, place.get(last, no_default)))
    place[last] = value


class set:
    """Change settings, for good or for a ``with`` block.

    The change is made when this is called; leaving the block undoes it.

    Parameters
    ----------
    arg : mapping, optional
        Settings by nested key.
    config : dict, optional
        What to change; by default the process's settings.
    lock : lock, optional
        Held while the settings change.
    **kwargs
        More settings; ``memory__limit=...`` is ``memory.limit``.

    Examples
    --------
    >>> import dusk.config
    >>> with dusk.config.set({"memory.limit": "1GB"}, num_workers=2):
    ...     dusk.config.get("memory.limit")
    '1GB'
    """

    def __init__(
        self,
        arg: Mapping[str, Any] | None = None,
        config: Config | None = None,
        lock: Any = None,
        **kwargs: Any,
    ) -> None:
        self.config = globals()["config"] if config is None else config
        self._lock = lock
        self._undo: list[tuple[Config, str, Any]] = []
        changes = [(key, value) for key, value in (arg or {}).items()]
        changes += [(key.replace("__", "."), value) for key, value in kwargs.items()]
        checked = [(check_deprecations(key), value) for key, value in changes]
        with config_lock if lock is None else lock:
            for key, value in checked:
                _assign(self.config, key, value, self._undo)

    def __enter__(self) -> Config:
        return self.config

    def __exit__(self, *exc_info: object) -> None:
        with config_lock if self._lock is None else self._lock:
            while self._undo:
                place, key, old = self._undo.pop()
                if old is no_default:
                    place.pop(key, None)
                else:
                    place[key] = old


def update_defaults(
    new: Mapping[str, Any], config: Config | None = None, defaults: list[Mapping[str, Any]] = defaults
) -> None:
    """Add defaults, for libraries that keep their settings here.

    A value that was set differently from all defaults so far stays.

    Parameters
    ----------
    new : mapping
        The defaults.
    config : dict, optional
        The settings to fill; by default the process's.
    defaults : list of mappings, optional
        The list the new ones are added to.
    """
    so_far = merge(*defaults)
    defaults.append(new)
    with config_lock:
        update(globals()["config"] if config is None else config, new, priority="new-defaults", defaults=so_far)


def check_deprecations(key: str, deprecations: Mapping[str, str | None] = deprecations) -> str:
    """Return the key to use for a key, with a FutureWarning if it has a new name.

    Raises
    ------
    ValueError
        If the setting is gone.

    Examples
    --------
    >>> check_deprecations("memory.limit")
    'memory.limit'
    """
    old = key.replace("_", "-")
    if old not in deprecations:
        return key
    new = deprecations[old]
    while new is not None and new in deprecations:
        new = deprecations[new]
    if not new:
        raise ValueError(f"the setting {key!r} doesn't exist any more")
    warnings.warn(f"the setting {key!r} is deprecated, its name is now {new!r}", FutureWarning, stacklevel=3)
    return new


def rename(
    deprecations: Mapping[str, str | None] = deprecations, config: Config | None = None
) -> dict[str, str | None]:
    """Move the values of deprecated keys to their new keys, with a FutureWarning for each.

    A value that the new key has already stays, and then there is no warning. Keys that are gone are removed; setting
    ``ignore-deprecated.<key>`` silences the warning about that.

    Parameters
    ----------
    deprecations : mapping, optional
        Old keys and new keys.
    config : dict, optional
        The settings to change; by default the process's.

    Returns
    -------
    dict
        The keys that were there and their new names.
    """
    target = globals()["config"] if config is None else config
    missing = object()
    found: dict[str, str | None] = {}
    for key in deprecations:
        value = pop(key, missing, config=target)
        if value is missing:
            continue
        new = deprecations[key]
        while new is not None and new in deprecations:
            new = deprecations[new]
        found[key] = new
        if new is None:
            if get(f"ignore-deprecated.{key}", missing, config=target) is missing:
                text = f"the setting {key!r} doesn't exist any more; set 'ignore-deprecated.{key}' to silence this"
                warnings.warn(text, FutureWarning, stacklevel=2)
        elif get(new, {}, config=target) == {}:
            check_deprecations(key, deprecations)
            _assign(target, new, value)
    return found


def expand_environment_variables(config: Any) -> Any:
    """Return settings with ``$NAME`` in all text replaced from the environment.

    Works in dictionaries, lists, tuples and sets; unknown variables stay as they are.

    Examples
    --------
    >>> os.environ["DUSK_EXAMPLE"] = "me"
    >>> expand_environment_variables({"x": "my name is $DUSK_EXAMPLE"})
    {'x': 'my name is me'}
    """
    if isinstance(config, Mapping):
        return {key: expand_environment_variables(value) for key, value in config.items()}
    if isinstance(config, str):
        return os.path.expandvars(config)
    if isinstance(config, (list, tuple, builtins.set)):
        return type(config)(expand_environment_variables(value) for value in config)
    return config


def ensure_file(source: str, destination: str | None = None, comment: bool = True) -> None:
    """Copy a settings file to the user's folder unless one is there, so that it can be edited.

    Parameters
    ----------
    source : str
        The file with the defaults.
    destination : str, optional
        The folder; by default the user's.
    comment : bool, default True
        Put ``#`` before each line, so that defaults may change later.
    """
    folder = pathlib.Path(PATH if destination is None else destination)
    if folder.is_file() or (folder / pathlib.Path(source).name).exists():
        return
    text = pathlib.Path(source).read_text(encoding="utf-8")
    if comment:
        lines = text.splitlines(keepends=True)
        text = "".join(line if not line.strip() or line.startswith("#") else "# " + line for line in lines)
    with contextlib.suppress(OSError):  # a home that can't be written to is no error
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / pathlib.Path(source).name
        unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, target)


def serialize(data: Any) -> str:
    """Write settings as text for ``DUSK_INTERNAL_INHERIT_CONFIG``."""
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode()


def deserialize(data: str) -> Any:
    """Read what `serialize` wrote."""
    return json.loads(base64.urlsafe_b64decode(data.encode()).decode())


update_defaults(load_file(pathlib.Path(__file__).with_name("dusk.yaml")) or {})
refresh()
