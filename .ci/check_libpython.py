"""Say in plain words what is missing when the Rust tests could not link: they start an interpreter of their own.

The extension module needs no libpython, so everything else works without it.
"""

import os
import sys
import sysconfig

variable = sysconfig.get_config_var
name = variable("LDLIBRARY") or ""
places = [place for place in (variable("LIBDIR"), variable("LIBPL")) if place]
if not variable("PYTHONFRAMEWORK") and not any(os.path.exists(os.path.join(place, name)) for place in places):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    sys.exit(
        f"The Rust tests need {name}, which is not in {' or '.join(places)}.\n"
        f"On Debian and Ubuntu: apt-get install libpython{version}-dev. Or take another interpreter:\n"
        "make clean && make test PYTHON=/path/to/python3"
    )
