"""The command line ``python -m dusk.cli``: settings and versions. It needs the package click.

Other packages add commands by the entry point group ``dask_cli``. Running scripts under Dask's names is
``python -m dusk``.
"""

from __future__ import annotations

import json
import pathlib
import platform
import sys
import warnings
from typing import Any

import yaml

from dusk import __version__, config
from dusk._calls import import_required
from dusk._compatibility import importlib_metadata

click = import_required("click", "dusk's command line needs click: python -m pip install click")

__all__ = ["cli", "config_find", "config_get", "config_list", "config_set", "run_cli", "versions"]

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 88}


@click.group(context_settings=CONTEXT_SETTINGS)
@click.version_option(__version__)
def cli() -> None:
    """Look at and change the settings of dusk."""


@cli.group()
def info() -> None:
    """Tell about this installation."""


@info.command()
def versions() -> None:
    """Print the versions of dusk and of what it uses, as JSON."""
    table: dict[str, Any] = {
        "Python": platform.python_version(),
        "Platform": platform.uname().system,
        "dask": __version__,
        "dusk": __version__,
    }
    for name in ("distributed", "numpy", "pandas", "cloudpickle", "fsspec", "pyarrow", "zarr"):
        try:
            table[name] = importlib_metadata.version(name)
        except importlib_metadata.PackageNotFoundError:
            table[name] = None
    click.echo(json.dumps(table, indent=2))


@cli.group("config")
def config_group() -> None:
    """Look at settings, and change them in files."""


@config_group.command("get")
@click.argument("key", required=True)
def config_get(key: str) -> None:
    """Print the setting KEY."""
    missing = object()
    value = config.get(key, missing)
    if value is missing:
        click.echo(click.style(f"Section not found: {key}", fg="red"), err=True)
        raise SystemExit(1)
    click.echo(_as_yaml(value), nl=False)


def _as_yaml(value: Any) -> str:
    if isinstance(value, dict | list):
        return yaml.dump(value)
    return f"{value}\n"


@config_group.command("find")
@click.argument("key", required=True)
def config_find(key: str) -> None:
    """Print the files that have the setting KEY."""
    found = [
        (path, config.get(key, config=settings))
        for path, settings in config.collect_yaml(config.paths, return_paths=True)
        if path in set(config.paths_containing_key(key, config.paths))
    ]
    if not found:
        places = "\n".join(map(str, config.paths))
        click.echo(f"Unable to find [{key}] in any of the following paths:\n{places}")
        return
    click.echo(f"Found [{key}] in the following files:")
    width = max(len(str(path)) for path, _ in found)
    for path, value in found:
        click.echo(f"{path!s:<{width}}  [{key}={value}]")


@config_group.command("set")
@click.argument("key", required=True)
@click.argument("value", required=True)
@click.option("--file", type=pathlib.Path, help="The file; by default the first that has KEY, else the user's own.")
def config_set(key: str, value: str, file: pathlib.Path | None) -> None:
    """Write VALUE for the setting KEY into a file."""
    parsed = config.interpret_value(value)
    if file is None:
        first = next(iter(config.paths_containing_key(key, config.paths)), None)
        file = first or pathlib.Path(config.paths[-1] if config.paths else config.PATH) / "dusk.yaml"
    settings = (yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None) or {}
    config.set({key: parsed}, config=settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.dump(settings), encoding="utf-8")
    click.echo(f"Updated [{key}] to [{parsed}], config saved to {file}")


@config_group.command("list")
def config_list() -> None:
    """Print all settings."""
    click.echo(_as_yaml(config.config), nl=False)


def _register_command_ep(interface: Any, entry_point: Any) -> None:
    """Add the command of an entry point to a group of commands; what is wrong with it is a warning."""
    try:
        command = entry_point.load()
    except Exception as error:  # noqa: BLE001  a broken package must not take the others' commands away
        warnings.warn(
            f"While registering the command with name '{entry_point.name}', an exception occurred: {error}",
            stacklevel=2,
        )
        return
    if not isinstance(command, click.Command | click.Group):
        warnings.warn(
            f"entry points in 'dask_cli' must be instances of click.Command or click.Group, not {type(command)}",
            stacklevel=2,
        )
        return
    if command.name in interface.commands:
        warnings.warn(
            f"While registering the command with name '{command.name}' an existing command or group; the existing one "
            "has been replaced",
            stacklevel=2,
        )
    interface.add_command(command)


def run_cli() -> None:
    """Run the command line, with the commands of other packages."""
    for entry_point in importlib_metadata.entry_points(group="dask_cli"):
        _register_command_ep(cli, entry_point)
    cli()


if __name__ == "__main__":
    sys.exit(run_cli())
