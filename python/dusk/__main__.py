"""Run a program that was written for Dask, unchanged.

python -m dusk script.py args       as python script.py args
python -m dusk -m module args       as python -m module args
python -m dusk -c 'code' args       as python -c 'code' args
python -m dusk                      a prompt

--report    when the program is over, print which calls ran native, through pandas or NumPy, or as user functions
--boot      print the folder that makes DUSK_INSTALL=1 count everywhere once it is in front of PYTHONPATH
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence

from dusk import _install


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate our own options from the program and its arguments, which may look like options of ours."""
    own: list[str] = []
    rest = list(argv)
    while rest and rest[0] in ("--report", "--boot", "-h", "--help"):
        own.append(rest.pop(0))
    return own, rest


def main(argv: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    own, rest = _split(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="python -m dusk", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python -m dusk [--report] [script.py | -m module | -c code] [args]",
    )  # fmt: skip
    parser.add_argument("--report", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--boot", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(own)
    if options.boot:
        print(_install.boot_folder())
        return
    if rest and rest[0] in ("-m", "-c") and len(rest) < 2:
        parser.error(f"argument expected for {rest[0]}")
    if rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c", "-"):
        parser.error(f"unknown option {rest[0]}")
    _install.install()
    _install.install_in_children()
    try:
        _run(rest)
    finally:
        if options.report:
            from dusk._report import compat_report

            print(compat_report(), file=sys.stderr)


def _run(rest: list[str]) -> None:
    # sys.path[0] is what python made of `-m dusk`: the current folder. A script has its own folder there.
    if not rest and sys.stdin is not None and not sys.stdin.isatty():
        rest = ["-"]
    if not rest:
        sys.argv = [""]
        _prompt()
    elif rest[0] == "-m":
        sys.argv = rest[1:]
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    elif rest[0] == "-c":
        sys.argv = ["-c", *rest[2:]]
        sys.path[0] = ""
        exec(compile(rest[1], "<string>", "exec"), _fresh_main())
    elif rest[0] == "-":
        sys.argv = rest
        sys.path[0] = ""
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), _fresh_main())
    else:
        sys.argv = rest
        sys.path[0] = os.path.dirname(os.path.abspath(rest[0]))
        _run_script(rest[0])


def _run_script(path: str) -> None:
    # Not `runpy.run_path`: it throws the module away when the script ends, and with it what threads and exit handlers
    # of the script still use. A folder or an archive with a `__main__` is its business, though.
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        runpy.run_path(path, run_name="__main__")
        return
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.exit(f"python -m dusk: can't open file {path!r}: {error}")
    names = _fresh_main()
    names["__file__"] = path
    exec(compile(source, path, "exec"), names)


def _fresh_main() -> dict[str, object]:
    """Put an empty module in the place of `__main__`, as a program finds it, and return its names.

    Its ``__spec__`` is None as that of a script is: by it `multiprocessing` decides what a child process runs first.
    """
    from types import ModuleType

    module = ModuleType("__main__")
    module.__builtins__ = __builtins__  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    return vars(module)


def _prompt() -> None:
    import code

    try:
        import readline  # noqa: F401
    except ImportError:
        pass
    import dusk

    names = _fresh_main()
    sys.path[0] = ""
    banner = f"Python {sys.version.split()[0]}, dusk {getattr(dusk, '__version__', '')}: `import dask` gives dusk"
    code.interact(banner=banner, local=names, exitmsg="")


if __name__ == "__main__":
    main()
