"""On PYTHONPATH while the suite runs: puts the alias into every interpreter that tests start."""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))

if os.environ.get("COMPAT_TARGET"):
    import atexit
    import signal

    # A shell starts what it puts into the background with Ctrl-C switched off; upstream's tests send it to themselves.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    import compat_alias

    compat_alias.install_from_environment()
    atexit.register(compat_alias.audit_at_exit)

# An environment may have a sitecustomize of its own, which this one hides.
for _folder in sys.path:
    _file = os.path.join(_folder or ".", "sitecustomize.py")
    if os.path.abspath(_folder or ".") != _HERE and os.path.isfile(_file):
        with open(_file, encoding="utf-8") as _text:
            exec(compile(_text.read(), _file, "exec"), {"__name__": "sitecustomize", "__file__": _file})
        break
