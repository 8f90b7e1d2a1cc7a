"""Dask's names give dusk: beside an installed Dask, and without one; each trap on the way has a test.

Every test runs in an interpreter of its own, since what is imported can't be taken back.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import dusk

PACKAGE = Path(dusk.__file__).parent


def run(*arguments: str, cwd: Path | None = None, stdin: str = "", ok: bool = True, **env: str) -> str:
    """Run an interpreter and return what it printed."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DUSK_", "DASK_", "PYTEST_", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", *arguments],
        capture_output=True, text=True, cwd=cwd, env=inherited | env, input=stdin, timeout=120,
    )  # fmt: skip
    assert (done.returncode == 0) == ok, done.stderr
    return done.stdout if ok else done.stderr


def code(text: str, **env: str) -> str:
    return run("-c", textwrap.dedent(text), **env)


@pytest.fixture(scope="session")
def without_dask(tmp_path_factory):
    """Arguments and environment of an interpreter in which Dask isn't installed."""
    folder = tmp_path_factory.mktemp("packages")
    for place in map(Path, [*site.getsitepackages(), str(PACKAGE.parent)]):
        for each in place.iterdir() if place.is_dir() else ():
            name = each.name.lower()
            if name.startswith(("dask", "distributed", "__pycache__")) or each.suffix == ".pth":
                continue
            if not (folder / each.name).exists():
                (folder / each.name).symlink_to(each)

    def alone(text: str, **env: str) -> str:
        return run("-S", "-c", textwrap.dedent(text), PYTHONPATH=str(folder), **env)

    return alone


# --- beside an installed Dask -----------------------------------------------------------------------------------------


def test_collections_are_dusks_and_the_rest_is_dasks():
    code("""
        import dusk
        dusk.install()
        assert dusk._install.installed()
        import dask, dask.dataframe as dd, dask.base
        from dask.dataframe import DataFrame, from_pandas
        from dask import compute, delayed, dataframe
        import dusk.dataframe
        assert dd is dusk.dataframe is dataframe is dask.dataframe
        assert DataFrame is dusk.dataframe.DataFrame
        assert compute is dusk.compute and delayed is dusk.delayed and dask.persist is dusk.persist
        assert "site-packages" in dask.__file__ and dask.base.__name__ == "dask.base" and dask.__spec__.name == "dask"
        assert type(dask.__spec__.loader).__module__.startswith(("importlib", "_frozen_importlib"))
    """)


def test_modules_exist_once_and_keep_their_identity():
    code("""
        import sys, dusk
        dusk.install()
        import dask.dataframe as dd
        import dask.dataframe.io, dask.dataframe.utils
        import dusk.dataframe.io
        assert dask.dataframe.io is dusk.dataframe.io
        assert dd.__spec__.name == "dusk.dataframe" == dd.__name__ and dd.__package__ == dd.__spec__.parent
        for name, module in list(sys.modules.items()):
            if name.startswith("dask.dataframe"):
                assert sys.modules["dusk" + name[4:]] is module, name
        import importlib
        assert importlib.reload(dask.dataframe.utils) is dask.dataframe.utils
    """)


def test_modules_loaded_late_are_entered_under_both_names():
    code("""
        import sys, dusk, dusk.dataframe
        loaded = set(sys.modules)
        dusk.install()
        import dask.dataframe
        assert all("dask" + name[4:] in sys.modules for name in loaded if name.startswith("dusk.dataframe"))
        import importlib, pkgutil
        late = [m.name for m in pkgutil.iter_modules(dusk.dataframe.__path__) if f"dusk.dataframe.{m.name}" not in sys.modules]
        for name in late:
            try:
                module = importlib.import_module(f"dusk.dataframe.{name}")
            except ImportError:
                continue
            assert sys.modules[f"dask.dataframe.{name}"] is module
    """)  # noqa: E501


def test_a_missing_module_is_not_taken_from_dask():
    code("""
        import dusk
        dusk.install()
        try:
            import dask.dataframe.no_such_module
        except ModuleNotFoundError as error:
            assert "dusk.dataframe.no_such_module" in str(error) and error.name == "dask.dataframe.no_such_module"
        else:
            raise AssertionError
        import importlib.util
        assert importlib.util.find_spec("dask.dataframe") is not None
    """)


def test_early_imports_are_told_of_and_replaced():
    code("""
        import dask, dask.dataframe as early, warnings, dusk
        real = dask.dataframe.DataFrame
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            dusk.install()
        [warning] = caught
        assert "before dusk.install()" in str(warning.message) and warning.filename == "<string>", warning
        import dask.dataframe as dd, dusk.dataframe
        assert dd is dusk.dataframe and dask.dataframe is dd and dd.DataFrame is not real
        from dask.dataframe import DataFrame
        assert DataFrame is dd.DataFrame and early.DataFrame is real
        dusk.uninstall()
        import dask.dataframe as again
        assert again is early and dask.dataframe is early
    """)


def test_install_twice_and_uninstall():
    code("""
        import sys, dusk
        dusk.install(); dusk.install()
        import dask, dask.dataframe
        dusk.uninstall(); dusk.uninstall()
        assert not dusk._install.installed()
        assert not any(type(each).__module__.startswith("dusk") for each in sys.meta_path)
        import dask.dataframe as dd, dusk.dataframe
        assert dd is not dusk.dataframe and "site-packages" in dd.__file__
        assert dask.compute.__module__ == "dask.base" and dask.delayed.__module__ == "dask.delayed"
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dusk.install()
        import dask.dataframe as dd
        assert dd is dusk.dataframe and dask.compute is dusk.compute
    """)


def test_settings_are_one():
    code("""
        import dusk, dusk.config
        dusk.config.set({"array.chunk-size": "1 MiB", "temporary-directory": "/somewhere"})
        dusk.install()
        import dask, dask.config
        assert dask.config.get("temporary-directory") == "/somewhere" == dusk.config.get("temporary-directory")
        assert dask.config.get("array.chunk-size") == "1 MiB"
        with dask.config.set({"dataframe.convert-string": False}, num_workers=3):
            assert dusk.config.get("dataframe.convert-string") is False and dusk.config.get("num_workers") == 3
            with dusk.config.set(scheduler="sync"):
                assert dask.config.get("scheduler") == "sync"
        assert dask.config.get("scheduler", None) is None and dusk.config.get("num_workers", None) is None
        theirs = dask.config.get("optimization.fuse.active", "missing")
        memory = dusk.config.get("memory", "missing")
        dusk.config.refresh()
        assert dask.config.get("optimization.fuse.active", "missing") == theirs
        dask.config.refresh()
        assert dusk.config.get("memory", "missing") == memory
        dusk.config.set({"x.y": 1})
        dusk.uninstall()
        assert dusk.config.get("x.y") == 1
        dusk.config.set({"x.y": 2})
        assert dask.config.get("x.y") == 1
        assert len(dask.config.defaults) == len({id(each) for each in dask.config.defaults})
        assert not any(each in dask.config.defaults for each in dusk.config.defaults)
    """)


def test_annotations_count_for_both():
    code("""
        import dusk
        dusk.install()
        import dask
        from dask.base import get_annotations
        with dask.annotate(priority=3):
            assert get_annotations() == dusk.get_annotations() == {"priority": 3}
        assert not get_annotations() and not dusk.get_annotations()
    """)


def test_results_through_every_way_of_computing():
    code("""
        import dusk
        dusk.install()
        import dask, dask.base, pandas as pd, dask.dataframe as dd
        df = dd.from_pandas(pd.DataFrame({"x": range(10)}), npartitions=3)
        total = df.x.sum()
        assert total.compute() == 45 and dask.compute(total, 1) == (45, 1)
        assert dask.base.compute(total) == (45,) and dask.is_dask_collection(df)
        assert dask.delayed(lambda x: x + 1)(total).compute() == 46
    """)


def test_pickles_name_dusk():
    code("""
        import dusk, pickle
        dusk.install()
        import pandas as pd, dask.dataframe as dd
        from dask.dataframe import DataFrame
        data = pickle.dumps(DataFrame)
        assert b"dusk.dataframe" in data and b"dask" not in data
        assert pickle.loads(data) is DataFrame
    """)


def test_distributed_stays_what_it_is():
    pytest.importorskip("distributed")
    code("""
        import dusk
        dusk.install()
        from dask.distributed import Client, LocalCluster
        import distributed, dask.diagnostics, dask.dataframe
        assert Client is distributed.Client and dask.diagnostics.__name__ == "dask.diagnostics"
    """)


# --- without Dask -----------------------------------------------------------------------------------------------------


def test_alone_all_names_are_dusks(without_dask):
    without_dask("""
        import sys, dusk, importlib.util
        assert importlib.util.find_spec("dask") is None
        dusk.install()
        import dask, dask.config, dask.dataframe as dd, dask.base, dask.delayed
        from dask.delayed import Delayed
        from dask import delayed
        assert dask is dusk and dask.base is dusk.base and dd is dusk.dataframe
        assert delayed is dusk.delayed and callable(dask.delayed), "the module has replaced the function"
        assert isinstance(delayed(1), Delayed)
        assert dask.__spec__.name == "dusk" and dask.base.__spec__.name == "dusk.base"
        try:
            import dask.no_such_module
        except ModuleNotFoundError as error:
            assert error.name == "dask.no_such_module"
        else:
            raise AssertionError
        assert importlib.util.find_spec("dask.dataframe") is not None
        dusk.uninstall()
        try:
            import dask
        except ModuleNotFoundError:
            pass
        else:
            raise AssertionError
        assert not [name for name in sys.modules if name.startswith("dask")]
    """)


def test_alone_libraries_that_ask_for_the_version_get_one(without_dask):
    without_dask("""
        import dusk, importlib.metadata as metadata
        dusk.install()
        from dusk._install import API_VERSION
        assert metadata.version("dask") == metadata.version("Dask") == API_VERSION
        assert metadata.distribution("dask").metadata["Name"] == "dask"
        assert "numpy" in {each.name for each in metadata.distributions()}
        metadata.entry_points(group="dask.array.backends")
        dusk.uninstall()
        try:
            metadata.version("dask")
        except metadata.PackageNotFoundError:
            pass
        else:
            raise AssertionError
    """)


# --- python -m dusk ---------------------------------------------------------------------------------------------------

WHO = "import sys, dask.dataframe as dd; print(dd.__name__, __name__, sys.argv)"


def test_script(tmp_path):
    (tmp_path / "helper.py").write_text("word = 'beside the script'")
    script = tmp_path / "script.py"
    script.write_text(f"{WHO}\nimport helper; print(helper.word)\nprint(__file__)\nprint(sys.path[0])\nsys.exit(0)")
    out = run("-m", "dusk", "script.py", "--report", "-m", cwd=tmp_path).splitlines()
    assert out[0] == "dusk.dataframe __main__ ['script.py', '--report', '-m']"
    assert out[1:] == ["beside the script", "script.py", str(tmp_path)]


def test_script_as_folder(tmp_path):
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "__main__.py").write_text(WHO)
    assert run("-m", "dusk", "program", "a", cwd=tmp_path) == "dusk.dataframe __main__ ['program', 'a']\n"


def test_module(tmp_path):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "__init__.py").touch()
    (tmp_path / "some" / "tool.py").write_text(WHO + "; from . import __name__ as package; print(package)")
    out = run("-m", "dusk", "-m", "some.tool", "-x", cwd=tmp_path).splitlines()
    assert out == [f"dusk.dataframe __main__ {[str(tmp_path / 'some' / 'tool.py'), '-x']}", "some"]


def test_code_and_stdin():
    assert run("-m", "dusk", "-c", WHO, "x") == "dusk.dataframe __main__ ['-c', 'x']\n"
    assert run("-m", "dusk", "-", "x", stdin=WHO) == "dusk.dataframe __main__ ['-', 'x']\n"
    assert run("-m", "dusk", stdin=WHO) == "dusk.dataframe __main__ ['-']\n"


def test_prompt():
    text = "import sys; sys.stdin.isatty = lambda: True; sys.argv = ['dusk']; from dusk.__main__ import main; main()"
    out = run("-c", text, stdin=f"{WHO}\nexit()\n", ok=True)
    assert "dusk.dataframe __main__ ['']" in out


def test_errors_of_the_program_and_of_the_command_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import dask\nraise ValueError('mine')\n")
    error = run("-m", "dusk", str(script), ok=False)
    assert "ValueError: mine" in error and f'File "{script}", line 2' in error
    script.write_text("raise SystemExit(3)")
    run("-m", "dusk", str(script), ok=False)
    assert "can't open file 'nothing.py'" in run("-m", "dusk", "nothing.py", ok=False)
    assert "argument expected" in run("-m", "dusk", "-m", ok=False)
    assert "unknown option -x" in run("-m", "dusk", "-x", ok=False)
    assert "script.py" in run("-m", "dusk", "--help")


def test_processes_that_the_program_starts_have_dusk_too(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, subprocess, sys
        import dask.dataframe as dd

        def whose(_):
            import dask, dask.dataframe
            return dd.__name__ + " " + dask.dataframe.__name__

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(whose, [1]))
            print(subprocess.check_output([sys.executable, "-c", "import dask.dataframe as dd; print(dd.__name__)"], text=True))
        """)  # noqa: E501
    )
    out = run("-m", "dusk", str(script)).split("\n")
    assert out[:2] == ["['dusk.dataframe dusk.dataframe']", "dusk.dataframe"]


# --- the environment variable -----------------------------------------------------------------------------------------


def test_environment_variable():
    assert code("import dusk; print(dusk._install.installed())", DUSK_INSTALL="1") == "True\n"
    assert code("import dusk; print(dusk._install.installed())", DUSK_INSTALL="0") == "False\n"
    boot = run("-m", "dusk", "--boot").strip()
    text = "import sys; assert 'dusk' not in sys.modules; import dask.dataframe as dd; print(dd.__name__)"
    assert code(text, DUSK_INSTALL="1", PYTHONPATH=boot) == "dusk.dataframe\n"
    assert code(text, PYTHONPATH=boot) == "dask.dataframe\n"


def test_boot_folder_installs_once_when_dusk_comes_first():
    boot = run("-m", "dusk", "--boot").strip()
    text = "import dusk, sys, dask.delayed; print(sum(type(f).__name__ == '_Finder' for f in sys.meta_path))"
    assert code(f"import warnings; warnings.simplefilter('error'); {text}", DUSK_INSTALL="1", PYTHONPATH=boot) == "1\n"


def test_boot_folder_leaves_another_sitecustomize_alone(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.seen = True")
    boot = run("-m", "dusk", "--boot").strip()
    text = "print(seen); import dask.dataframe as dd; print(dd.__name__)"
    assert code(text, DUSK_INSTALL="1", PYTHONPATH=os.pathsep.join([boot, str(tmp_path)])) == "True\ndusk.dataframe\n"


# --- notebooks --------------------------------------------------------------------------------------------------------


class _Shell:
    """As much of IPython's shell as the extension uses."""

    def __init__(self):
        self.magics_manager = self
        self.magics = {"line": {}, "cell": {}}

    def register_magic_function(self, function, kind, name):
        self.magics[kind][name] = function

    def run_cell(self, cell):
        exec(cell, {})
        return self

    def raise_error(self):
        pass


def test_extension():
    code(f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        import dusk
        from test_dropin import _Shell
        shell = _Shell()
        dusk.load_ipython_extension(shell)
        import dask.dataframe as dd
        assert dd.__name__ == "dusk.dataframe"
        report = shell.magics["cell"]["dusk_report"]("", '''
        import pandas as pd, dask.dataframe as dd
        dd.from_pandas(pd.DataFrame({{"x": [1, 2]}}), npartitions=1).x.sum().compute()
        '''.replace("        ", ""))
        assert report.runs == 1, report
        assert shell.magics["line"]["dusk_report"]("reset").runs == 1
        assert shell.magics["line"]["dusk_report"]("").runs == 0
        dusk.unload_ipython_extension(shell)
        assert not dusk._install.installed() and shell.magics == {{"line": {{}}, "cell": {{}}}}
    """)


def test_extension_in_ipython():
    pytest.importorskip("IPython")
    code("""
        from IPython.testing.globalipapp import start_ipython
        shell = start_ipython()
        shell.run_line_magic("load_ext", "dusk")
        shell.run_cell("import dask.dataframe as dd").raise_error()
        assert shell.user_ns["dd"].__name__ == "dusk.dataframe"
        assert shell.run_cell_magic("dusk_report", "", "x = 1").runs == 0
    """)
