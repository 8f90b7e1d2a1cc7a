#!/bin/sh
# Makes the virtual environment in $1 from the first suitable interpreter: CPython of 3.11 or later, with the GIL (the
# core is built for the stable ABI, which the free-threaded build lacks), and able to make environments.
# PYTHON names an interpreter that is to be taken in any case.
set -eu
folder=$1

# Says how good an interpreter is: 2 with a libpython that the Rust tests can link, 1 without, 0 unsuitable.
rate() {
    "$1" - 2>/dev/null <<'PROBE' || echo 0
import os, sys, sysconfig
good = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
if not good or sysconfig.get_config_var("Py_GIL_DISABLED"):
    print(0)
else:
    name = sysconfig.get_config_var("LDLIBRARY") or ""
    places = [sysconfig.get_config_var(v) or "" for v in ("LIBDIR", "LIBPL")]
    framework = bool(sysconfig.get_config_var("PYTHONFRAMEWORK"))
    print(2 if framework or any(name and os.path.exists(os.path.join(p, name)) for p in places) else 1)
PROBE
}

# One that is there and works is kept, with whatever else its owner has put into it.
if [ -x "$folder/bin/python" ] && [ "$(rate "$folder/bin/python")" != 0 ] &&
    "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "using $folder ($("$folder/bin/python" --version 2>&1))"
    exit 0
fi

chosen=
if [ -n "${PYTHON:-}" ]; then
    [ "$(rate "$PYTHON")" != 0 ] || { echo "PYTHON=$PYTHON is not a CPython of 3.11 or later with the GIL" >&2; exit 1; }
    chosen=$PYTHON
else
    best=0
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        command -v "$name" >/dev/null 2>&1 || continue
        points=$(rate "$name")
        if [ "$points" -gt "$best" ]; then
            best=$points
            chosen=$name
        fi
    done
fi
[ -n "$chosen" ] || { echo "no CPython of 3.11 or later found; say where with PYTHON=/path/to/python3 make ..." >&2; exit 1; }
echo "making $folder from $(command -v "$chosen") ($("$chosen" --version 2>&1))"

rm -rf "$folder"
# Debian ships an interpreter without ensurepip. pip of the system can then bring pip into the environment.
if "$chosen" -c 'import ensurepip' 2>/dev/null; then
    "$chosen" -m venv "$folder"
elif "$chosen" -m pip --version >/dev/null 2>&1; then
    "$chosen" -m venv --without-pip "$folder"
    "$chosen" -m pip --python "$folder/bin/python" install --quiet pip
else
    echo "$chosen can't make a virtual environment with pip: install the package python3-venv (or python3-pip)" >&2
    exit 1
fi
