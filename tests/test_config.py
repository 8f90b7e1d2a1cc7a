"""Settings: where they come from, which source wins, and how they change."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import threading

import pytest
import yaml

from dusk import config
from dusk.config import (
    canonical_name,
    check_deprecations,
    collect,
    collect_env,
    collect_yaml,
    deserialize,
    ensure_file,
    expand_environment_variables,
    get,
    interpret_value,
    merge,
    no_default,
    paths_containing_key,
    pop,
    refresh,
    rename,
    serialize,
    update,
    update_defaults,
)

SCHEMA = pathlib.Path(config.__file__).with_name("dusk.yaml")


def write(path: pathlib.Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def leaves(settings: dict, prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat.update(leaves(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def run_python(code: str, **env: str) -> str:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("DASK_", "DUSK_"))}
    package = str(pathlib.Path(config.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**environ, "PYTHONPATH": path, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestSchema:
    def test_every_key_says_what_it_means(self):
        lines = SCHEMA.read_text().splitlines()
        for before, line in zip(lines, lines[1:], strict=False):
            if re.match(r"\s*[\w-]+:(\s+\S.*)?$", line) and not line.lstrip().startswith("#"):
                section = not line.partition(":")[2].strip() and not line.endswith("shorten:")
                assert section or before.lstrip().startswith("#"), f"no comment above {line!r}"

    def test_dask_keys_exist_with_dask_defaults(self):
        dask = {
            "temporary-directory": None,
            "tokenize.ensure-deterministic": False,
            "dataframe.backend": "pandas",
            "dataframe.shuffle.method": None,
            "dataframe.parquet.minimum-partition-size": 75000000,
            "array.chunk-size": "128MiB",
            "array.chunk-size-tolerance": 1.25,
            "array.rechunk.threshold": 4,
            "array.slicing.split-large-chunks": None,
            "optimization.fuse.max-height": float("inf"),
            "optimization.tune.active": True,
            "visualization.engine": None,
        }
        ours = leaves(yaml.safe_load(SCHEMA.read_text()))
        assert {key: ours[key] for key in dask} == dask

    def test_own_defaults(self):
        ours = leaves(yaml.safe_load(SCHEMA.read_text()))
        assert ours["memory.limit"] is None
        assert ours["dataframe.convert-string"] is False
        assert ours["dataframe.batch-rows"] == 65536

    def test_traceback_patterns_compile(self):
        for pattern in yaml.safe_load(SCHEMA.read_text())["admin"]["traceback"]["shorten"]:
            re.compile(pattern)


class TestCanonicalName:
    def test_prefers_what_is_there(self):
        assert canonical_name("a_b", {"a-b": 1}) == "a-b"
        assert canonical_name("a-b", {"a_b": 1}) == "a_b"
        assert canonical_name("a_b-c", {"a-b_c": 1}) == "a-b_c"

    def test_unknown_stays(self):
        assert canonical_name("a_b", {}) == "a_b"
        assert canonical_name("a-b", {"c": 1}) == "a-b"

    def test_keys_that_are_no_text(self):
        assert canonical_name(5, {"a_b": 1}) == 5
        assert canonical_name("a_b", {5: 1}) == "a_b"


class TestUpdateAndMerge:
    def test_new_wins_inside_nested(self):
        old = {"x": 1, "y": {"a": 2, "b": 3}}
        assert update(old, {"y": {"a": 9}, "z": 4}) is old
        assert old == {"x": 1, "y": {"a": 9, "b": 3}, "z": 4}

    def test_old_wins(self):
        assert update({"x": 1, "y": {"a": 2}}, {"x": 9, "y": {"a": 9, "b": 3}}, priority="old") == {
            "x": 1,
            "y": {"a": 2, "b": 3},
        }

    def test_section_in_the_place_of_a_value_and_back(self):
        assert update({"a": None}, {"a": {"b": 1}}) == {"a": {"b": 1}}
        assert update({"a": {"b": 1}}, {"a": 5}) == {"a": 5}

    def test_defaults_are_replaced_only_where_untouched(self):
        old = {"a": {"same": 1, "changed": 5}}
        update(old, {"a": {"same": 2, "changed": 2, "new": 2}}, "new-defaults", {"a": {"same": 1, "changed": 1}})
        assert old == {"a": {"same": 2, "changed": 5, "new": 2}}

    def test_new_defaults_without_old_ones_keep_values(self):
        assert update({"a": 1}, {"a": 2}, "new-defaults") == {"a": 1}

    def test_spelling_of_the_old_stays(self):
        assert update({"a-b": 1}, {"a_b": 2}) == {"a-b": 2}

    def test_merge_leaves_its_arguments(self):
        a, b = {"x": {"p": 1}}, {"x": {"q": 2}}
        assert merge(a, b, {}) == {"x": {"p": 1, "q": 2}}
        assert a == {"x": {"p": 1}} and b == {"x": {"q": 2}}


class TestGet:
    settings = {"x": 1, "y": {"a": 2, "b-c": 3, "nothing": None}}

    @pytest.mark.parametrize(("key", "value"), [("x", 1), ("y.a", 2), ("y.b_c", 3), ("y.b-c", 3), ("y.nothing", None)])
    def test_found(self, key, value):
        assert get(key, config=self.settings) == value

    @pytest.mark.parametrize("key", ["z", "y.z", "x.a", "y.nothing.deep", ""])
    def test_missing(self, key):
        with pytest.raises(KeyError, match=re.escape(repr(key))):
            get(key, config=self.settings)
        assert get(key, "other", config=self.settings) == "other"
        assert get(key, None, config=self.settings) is None

    def test_a_section_comes_as_it_is(self):
        assert get("y", config=self.settings) is self.settings["y"]

    def test_override(self):
        assert get("x", override_with=7, config=self.settings) == 7
        assert get("nowhere", override_with=False, config=self.settings) is False
        assert get("x", override_with=None, config=self.settings) == 1

    def test_text_is_not_searched(self):
        with pytest.raises(KeyError):
            get("a.b", config={"a": "abc"})


class TestPop:
    def test_takes_out(self):
        settings = {"a": {"b-c": 1}, "x": 2}
        assert pop("a.b_c", config=settings) == 1
        assert settings == {"a": {}, "x": 2}

    def test_missing(self):
        with pytest.raises(KeyError):
            pop("a.b", config={"a": 1})
        with pytest.raises(KeyError):
            pop("a", config={})
        assert pop("a", None, config={}) is None


class TestSet:
    def test_block_restores(self):
        settings = {"x": 1, "y": {"a": 2}}
        with config.set({"x": 5, "y.a": 6, "y.new.deep": 7, "z": 8}, config=settings) as inside:
            assert inside is settings
            assert settings == {"x": 5, "y": {"a": 6, "new": {"deep": 7}}, "z": 8}
        assert settings == {"x": 1, "y": {"a": 2}}

    def test_acts_without_a_block(self):
        settings: dict = {}
        config.set({"a.b": 1}, config=settings)
        assert settings == {"a": {"b": 1}}

    def test_keywords_nest_with_two_underscores(self):
        settings = {"array": {"chunk-size": 1}}
        with config.set(config=settings, array__chunk_size=2, scheduler="sync"):
            assert settings == {"array": {"chunk-size": 2}, "scheduler": "sync"}
        assert settings == {"array": {"chunk-size": 1}}

    def test_mapping_and_keywords_together(self):
        settings: dict = {}
        with config.set({"a": 1}, config=settings, b=2):
            assert settings == {"a": 1, "b": 2}

    def test_a_dictionary_replaces_a_section(self):
        settings = {"y": {"a": 1, "b": 2}}
        with config.set({"y": {"a": 5}}, config=settings):
            assert settings == {"y": {"a": 5}}
        assert settings == {"y": {"a": 1, "b": 2}}

    def test_a_section_in_the_place_of_a_value(self):
        settings = {"x": 1}
        with config.set({"x.deep": 2}, config=settings):
            assert settings == {"x": {"deep": 2}}
        assert settings == {"x": 1}

    def test_nested_blocks(self):
        settings = {"x": 1}
        with config.set(config=settings, x=2):
            with config.set(config=settings, x=3, y=4):
                assert settings == {"x": 3, "y": 4}
            assert settings == {"x": 2}
        assert settings == {"x": 1}

    def test_restores_after_an_error(self):
        settings = {"x": 1}
        with pytest.raises(ZeroDivisionError), config.set(config=settings, x=2):
            _ = 1 / 0
        assert settings == {"x": 1}

    def test_restores_what_was_removed_inside(self):
        settings = {"a": {"b": 1}}
        with config.set({"a.b": 2, "a.c": 3}, config=settings):
            settings.clear()
        assert settings == {}

    def test_global(self):
        with config.set({"dusk-test-key.inner": 1}):
            assert get("dusk-test-key.inner") == 1
            assert get("dusk_test_key.inner") == 1
        assert get("dusk-test-key.inner", None) is None

    def test_is_one_dictionary_for_all_threads(self):
        seen = []
        with config.set({"dusk-test-key": 5}):
            thread = threading.Thread(target=lambda: seen.append(get("dusk-test-key")))
            thread.start()
            thread.join()
        assert seen == [5]

    def test_many_threads(self):
        settings: dict = {"shared": {}}

        def work(name: str) -> None:
            for i in range(200):
                with config.set({f"shared.{name}": i}, config=settings):
                    assert settings["shared"][name] == i

        threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert settings == {"shared": {}}

    def test_own_lock(self):
        lock = threading.Lock()
        with config.set({"a": 1}, {}, lock):
            assert not lock.locked()


class TestEnvironment:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1", 1),
            ("1.5", 1.5),
            ("[1, 'a']", [1, "a"]),
            ("{'a': 1}", {"a": 1}),
            ("'quoted'", "quoted"),
            ("True", True),
            ("true", True),
            ("FALSE", False),
            ("none", None),
            ("null", None),
            ("None", None),
            ("100 MB", "100 MB"),
            ("yes", "yes"),
            ("", ""),
            ("C:\\data", "C:\\data"),
            ("nan", "nan"),
        ],
    )
    def test_interpret_value(self, text, value):
        assert interpret_value(text) == value

    def test_names(self):
        env = {
            "DUSK_MEMORY__LIMIT": "1GB",
            "DUSK_NUM_WORKERS": "3",
            "DUSK_A__B__C_D": "[1]",
            "OTHER": "1",
            "DUSKY_A": "2",
        }
        assert collect_env(env) == {"memory": {"limit": "1GB"}, "num_workers": 3, "a": {"b": {"c_d": [1]}}}

    def test_dask_is_read_and_dusk_wins(self):
        env = {"DASK_SCHEDULER": "sync", "DASK_ARRAY__CHUNK_SIZE": "1MB", "DUSK_SCHEDULER": "threads"}
        assert collect_env(env) == {"scheduler": "threads", "array": {"chunk_size": "1MB"}}

    def test_where_files_lie_is_no_setting(self):
        env = {"DUSK_CONFIG": "/a", "DASK_ROOT_CONFIG": "/b", "DASK_CONFIG": "/c", "DUSK_": "1", "DASK__": "2"}
        assert collect_env(env) == {}

    def test_value_and_section_of_one_name(self):
        assert collect_env({"DUSK_A": "1", "DUSK_A__B": "2"}) == {"a": {"b": 2}}

    def test_inherited_settings_lose_against_variables(self):
        env = {
            "DASK_INTERNAL_INHERIT_CONFIG": serialize({"a": 1, "b": 1, "c": 1}),
            "DUSK_INTERNAL_INHERIT_CONFIG": serialize({"b": 2, "c": 2}),
            "DUSK_C": "3",
        }
        assert collect_env(env) == {"a": 1, "b": 2, "c": 3}

    def test_serialize(self):
        data = {"a": [1, None, "ü"], "b": {"c": True}}
        text = serialize(data)
        assert text.isascii() and deserialize(text) == data

    def test_default_is_the_process(self, monkeypatch):
        monkeypatch.setenv("DUSK_TEST_ONLY__KEY", "5")
        assert collect_env()["test_only"] == {"key": 5}


class TestFiles:
    def test_folders_in_the_order_of_names(self, tmp_path):
        write(tmp_path / "b.yml", {"x": 2})
        write(tmp_path / "a.yaml", {"x": 1})
        write(tmp_path / "c.json", json.dumps({"x": 3}))
        write(tmp_path / "notes.txt", "x: 4")
        write(tmp_path / "empty.yaml", "")
        assert list(collect_yaml([str(tmp_path)])) == [{"x": 1}, {"x": 2}, {"x": 3}]

    def test_paths(self, tmp_path):
        path = write(tmp_path / "a.yaml", {"x": 1})
        assert list(collect_yaml([path, str(tmp_path / "nowhere")], return_paths=True)) == [
            (pathlib.Path(path), {"x": 1})
        ]

    @pytest.mark.parametrize(("content", "words"), [("[1, 2]", "list"), ("a: [1", "YAML"), ("just text", "str")])
    def test_malformed(self, tmp_path, content, words):
        write(tmp_path / "bad.yaml", content)
        with pytest.raises(ValueError, match="malformed") as caught:
            list(collect_yaml([str(tmp_path)]))
        assert "bad.yaml" in str(caught.value) and words in str(caught.value)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_unreadable_is_left_out(self, tmp_path):
        write(tmp_path / "a.yaml", {"x": 1})
        secret = tmp_path / "b.yaml"
        write(secret, {"x": 2})
        secret.chmod(0)
        assert list(collect_yaml([str(tmp_path)])) == [{"x": 1}]

    def test_paths_containing_key(self, tmp_path):
        first = write(tmp_path / "a.yaml", {"memory": {"limit": None}})
        write(tmp_path / "b.yaml", {"memory": {"spill": True}})
        assert list(paths_containing_key("memory.limit", [str(tmp_path)])) == [pathlib.Path(first)]
        assert list(paths_containing_key("memory.spi-ll", [str(tmp_path)])) == []

    def test_environment_wins_over_files(self, tmp_path):
        write(tmp_path / "a.yaml", {"x": 1, "y": {"a": 1, "b": 1}})
        assert collect([str(tmp_path)], env={"DUSK_Y__A": "2"}) == {"x": 1, "y": {"a": 2, "b": 1}}

    def test_ensure_file(self, tmp_path):
        source = tmp_path / "source.yaml"
        write(source, "# about\nx:\n  y: 1\n\nz: 2\n")
        ensure_file(str(source), str(tmp_path / "user"))
        assert (tmp_path / "user" / "source.yaml").read_text() == "# about\n# x:\n#   y: 1\n\n# z: 2\n"

    def test_ensure_file_uncommented_and_never_overwritten(self, tmp_path):
        source = tmp_path / "source.yaml"
        write(source, "x: 1\n")
        ensure_file(str(source), str(tmp_path / "user"), comment=False)
        target = tmp_path / "user" / "source.yaml"
        assert yaml.safe_load(target.read_text()) == {"x": 1}
        target.write_text("x: 2\n")
        ensure_file(str(source), str(tmp_path / "user"), comment=False)
        assert target.read_text() == "x: 2\n"
        assert [path.name for path in target.parent.iterdir()] == ["source.yaml"]

    def test_ensure_file_below_a_file(self, tmp_path):
        source = tmp_path / "source.yaml"
        write(source, "x: 1\n")
        ensure_file(str(source), str(source))
        ensure_file(str(source), str(source / "deeper"))
        assert source.read_text() == "x: 1\n"


class TestRefresh:
    def test_defaults_files_environment(self, tmp_path):
        write(tmp_path / "a.yaml", {"b": 2, "c": 2})
        settings = {"gone": 1}
        refresh(settings, [{"a": 1, "b": 1, "c": 1}], paths=[str(tmp_path)], env={"DUSK_C": "3"})
        assert settings == {"a": 1, "b": 2, "c": 3}

    def test_later_defaults_fill_gaps(self):
        settings: dict = {}
        refresh(settings, [{"a": 1}, {"a": 2, "b": 2}], paths=[], env={})
        assert settings == {"a": 1, "b": 2}

    def test_update_defaults(self):
        settings: dict = {}
        known: list = []
        update_defaults({"lib": {"x": 1, "y": 1}}, settings, known)
        settings["lib"]["y"] = 5
        update_defaults({"lib": {"x": 2, "y": 2, "z": 2}}, settings, known)
        assert settings == {"lib": {"x": 2, "y": 5, "z": 2}}
        assert len(known) == 2

    def test_search_path_of_a_new_process(self, tmp_path):
        home = tmp_path / "home"
        for name, value in (("dask", 1), ("dusk", 2)):
            folder = home / ".config" / name
            folder.mkdir(parents=True)
            write(folder / f"{name}.yaml", {f"only-{name}": value, "both": value, "unknown": {"kept": True}})
        keys = ["only-dask", "only-dusk", "both", "unknown.kept"]
        code = f"from dusk import config; print([config.get(key) for key in {keys}])"
        assert run_python(code, HOME=str(home)) == "[1, 2, 2, True]\n"

    def test_folder_named_by_a_variable(self, tmp_path):
        write(tmp_path / "a.yaml", {"both": 3})
        code = "from dusk import config; print(config.get('both'), config.PATH, config.paths[-1])"
        assert run_python(code, DUSK_CONFIG=str(tmp_path)) == f"3 {tmp_path} {tmp_path}\n"
        assert run_python("from dusk import config; print(config.get('both'))", DASK_CONFIG=str(tmp_path)) == "3\n"

    def test_config_imports_no_array_library(self):
        code = "import sys; import dusk.config; print(sorted({'numpy', 'pandas', 'pyarrow'} & set(sys.modules)))"
        assert run_python(code) == "[]\n"

    def test_a_broken_file_is_named(self, tmp_path):
        write(tmp_path / "broken.yaml", "a: [1")
        environ = {**os.environ, "DUSK_CONFIG": str(tmp_path)}
        package = str(pathlib.Path(config.__file__).parent.parent)
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environ.get("PYTHONPATH")]))
        done = subprocess.run([sys.executable, "-c", "import dusk.config"], env=environ, capture_output=True, text=True)
        assert done.returncode != 0 and "broken.yaml" in done.stderr


class TestDeprecations:
    renamed = {"old-key": "new.key", "older": "old-key", "gone": None}

    def test_current_keys(self):
        assert check_deprecations("memory.limit") == "memory.limit"

    @pytest.mark.parametrize("key", ["old-key", "old_key", "older"])
    def test_renamed(self, key):
        with pytest.warns(FutureWarning, match=r"new\.key"):
            assert check_deprecations(key, self.renamed) == "new.key"

    def test_gone(self):
        with pytest.raises(ValueError, match="'gone'"):
            check_deprecations("gone", self.renamed)

    def test_set_and_get_by_the_old_name(self):
        with (
            pytest.warns(FutureWarning, match=r"optimization\.fuse\.ave-width"),
            config.set({"fuse_ave_width": 123}),
        ):
            assert get("optimization.fuse.ave-width") == 123
            assert get("fuse-ave-width") == 123

    def test_rename(self):
        settings = {"old_key": 1, "gone": 2, "rest": 3}
        with pytest.warns(FutureWarning):
            assert rename(self.renamed, settings) == {"old-key": "new.key", "gone": None}
        assert settings == {"new": {"key": 1}, "rest": 3}

    def test_the_new_name_wins_silently(self):
        settings = {"old-key": 1, "new": {"key": 2}}
        rename(self.renamed, settings)
        assert settings == {"new": {"key": 2}}

    def test_a_section_becomes_a_value(self):
        settings = {"a": {"old": 4}}
        with pytest.warns(FutureWarning):
            rename({"a.old": "a"}, settings)
        assert settings == {"a": 4}

    def test_ignored(self):
        settings = {"gone": 2, "ignore-deprecated": {"gone": True}}
        rename(self.renamed, settings)
        assert settings == {"ignore-deprecated": {"gone": True}}

    def test_in_files_and_variables(self, tmp_path):
        write(tmp_path / "a.yaml", {"fuse-max-width": 5})
        with pytest.warns(FutureWarning) as caught:
            found = collect([str(tmp_path)], env={"DASK_FUSE_AVE_WIDTH": "3"})
        assert found == {"optimization": {"fuse": {"max-width": 5, "ave-width": 3}}}
        assert len(caught) == 2

    def test_every_new_name_is_in_the_schema(self):
        ours = leaves(yaml.safe_load(SCHEMA.read_text()))
        for new in config.deprecations.values():
            assert new in ours


def test_expand_environment_variables(monkeypatch):
    monkeypatch.setenv("DUSK_TEST_PLACE", "here")
    given = {
        "a": "$DUSK_TEST_PLACE/x",
        "b": ["${DUSK_TEST_PLACE}", 1],
        "c": ("$DUSK_TEST_PLACE",),
        5: {"$NO_SUCH_THING"},
    }
    assert expand_environment_variables(given) == {
        "a": "here/x",
        "b": ["here", 1],
        "c": ("here",),
        5: {"$NO_SUCH_THING"},
    }


def test_no_default_has_one_value():
    assert repr(no_default) == "<no_default>"
    assert type(no_default)("no_default") is no_default


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_while_another_thread_changes_settings():
    code = """
import os, threading
from dusk import config
config.config_lock.acquire()
child = os.fork()
if child == 0:
    with config.set({"a": 1}):
        os._exit(0 if config.get("a") == 1 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run_python(code) == "0\n"
