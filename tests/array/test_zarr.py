"""`from_zarr` and `to_zarr` against the package zarr: it writes and we read, we write and it reads."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import warnings

import numpy as np
import pytest

import dusk
import dusk.array as da
from dusk.array.io.zarr import from_zarr, to_zarr

zarr = pytest.importorskip("zarr", minversion="3")

DTYPES = ["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[s]", "U3", "S4"]


def sample(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    dtype = np.dtype(dtype)
    numbers = np.random.default_rng(seed).integers(0, 100, shape)
    if dtype.kind == "b":
        return numbers % 2 == 0
    if dtype.kind in "mM":
        return numbers.astype("i8").view(dtype) if numbers.ndim else np.array(5).astype(dtype)
    return numbers.astype(dtype)


def by_zarr(store, x: np.ndarray, chunks, **options):
    z = zarr.create_array(store, shape=x.shape, chunks=chunks, dtype=x.dtype, **options)
    z[...] = x
    return z


# --- it writes, we read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_that_zarr_wrote(tmp_path, dtype, zarr_format):
    x = sample((7, 5), dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr says that the form of some dtypes may change
        by_zarr(tmp_path / "x", x, (3, 2), zarr_format=zarr_format)
    y = from_zarr(tmp_path / "x")
    assert y.dtype == x.dtype and y.chunks == ((3, 3, 1), (2, 2, 1))
    np.testing.assert_array_equal(y.compute(), x)


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": None},
        {"compressors": zarr.codecs.ZstdCodec(level=5, checksum=True)},
        {"compressors": zarr.codecs.GzipCodec(level=1)},
        {"compressors": zarr.codecs.BloscCodec(cname="lz4", shuffle="bitshuffle")},
        {"compressors": [zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()]},
        {"serializer": zarr.codecs.BytesCodec(endian="big")},
        {"filters": zarr.codecs.TransposeCodec(order=(1, 0))},
        {"shards": (6, 10)},
        {"shards": (6, 10), "compressors": None},
        {"chunk_key_encoding": {"name": "v2", "separator": "."}},
        {"fill_value": float("nan")},
        {"dimension_names": ("a", None)},
        {"zarr_format": 2, "compressors": None},
        {"zarr_format": 2, "order": "F"},
        {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
    ],
)
def test_layouts_that_zarr_wrote(tmp_path, options):
    x = sample((13, 21), "f8")
    by_zarr(tmp_path / "x", x, (3, 5), **options)
    for chunks in [None, (4, 7), "auto", -1]:
        np.testing.assert_array_equal(from_zarr(tmp_path / "x", chunks=chunks).compute(), x)


@pytest.mark.parametrize("id", ["zlib", "gzip", "bz2", "blosc", "zstd", "lz4", "delta"])
def test_codecs_of_version_2(tmp_path, id):
    numcodecs = pytest.importorskip("numcodecs")
    x = sample((13, 21), "i4")
    codec = numcodecs.get_codec({"id": id, **({"dtype": "<i4"} if id == "delta" else {})})
    options = {"filters": [codec]} if id == "delta" else {"compressors": codec}
    by_zarr(tmp_path / "x", x, (5, 6), zarr_format=2, **options)
    np.testing.assert_array_equal(from_zarr(tmp_path / "x").compute(), x)


def test_shapes_that_zarr_wrote(tmp_path):
    for number, (shape, chunks) in enumerate(
        [((), ()), ((0,), (1,)), ((3, 0), (2, 1)), ((5,), (9,)), ((1, 2, 3), (1, 1, 2))]
    ):
        x = sample(shape, "i8")
        by_zarr(tmp_path / str(number), x, chunks)
        y = from_zarr(tmp_path / str(number))
        assert y.shape == shape
        np.testing.assert_array_equal(y.compute(), x)


def test_big_endian_elements_come_in_the_machines_order(tmp_path):
    x = np.arange(12, dtype=">f4").reshape(3, 4)
    by_zarr(tmp_path / "x", x, (2, 2), zarr_format=2)
    y = from_zarr(tmp_path / "x")
    assert y.dtype == "f4"
    np.testing.assert_array_equal(y.compute(), x)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_elements_that_only_zarr_knows(tmp_path, zarr_format):
    records = np.array([(1, 2.5), (3, 4.5), (5, 6.5)], dtype=[("a", "i4"), ("b", "f8")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_zarr(tmp_path / "records", records, (2,), zarr_format=zarr_format)
        z = zarr.create_array(tmp_path / "text", shape=(3,), chunks=(2,), dtype=str, zarr_format=zarr_format)
        z[:] = np.array(["a", "bcd", ""], dtype=object)
        read = from_zarr(tmp_path / "records").compute()
        text = from_zarr(tmp_path / "text").compute()
    np.testing.assert_array_equal(read, records)
    assert list(text) == ["a", "bcd", ""]


def test_what_was_not_written_is_the_fill_value(tmp_path):
    for shards in [None, (4, 4)]:
        z = zarr.create_array(
            tmp_path / str(shards), shape=(6, 4), chunks=(2, 2), shards=shards, dtype="i4", fill_value=7
        )
        z[3, 1:3] = 1
        np.testing.assert_array_equal(from_zarr(tmp_path / str(shards)).compute(), z[...])


# --- we write, it reads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_that_zarr_reads(tmp_path, dtype, zarr_format):
    x = sample((7, 5), dtype)
    assert to_zarr(da.from_array(x, chunks=(3, 2)), tmp_path / "x", zarr_format=zarr_format) is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        z = zarr.open_array(tmp_path / "x", mode="r")
        assert z.dtype == x.dtype and z.chunks == (3, 2) and z.metadata.zarr_format == zarr_format
        np.testing.assert_array_equal(z[...], x)
        # The document says the same as its own would.
        own = zarr.create_array({}, shape=x.shape, chunks=(3, 2), dtype=x.dtype, zarr_format=zarr_format)
        assert z.metadata.to_dict() == own.metadata.to_dict()


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": None},
        {"compressors": zarr.codecs.BloscCodec(cname="zstd", clevel=3)},
        {"compressors": [zarr.codecs.GzipCodec(level=3), zarr.codecs.Crc32cCodec()]},
        {"compressors": {"name": "zstd", "configuration": {"level": 1, "checksum": True}}},
        {"filters": [zarr.codecs.TransposeCodec(order=(1, 0))]},
        {"serializer": zarr.codecs.BytesCodec(endian="big")},
        {"chunks": (3, 5), "shards": (6, 10)},
        {"chunks": (4, 4), "shards": "auto"},
        {"chunks": "auto"},
        {"chunk_key_encoding": {"name": "default", "separator": "."}},
        {"fill_value": float("nan"), "attributes": {"units": "m", "n": [1, 2.5]}, "dimension_names": ["a", None]},
        {"fill_value": 3, "dtype": "i4"},
        {"zarr_format": 2, "compressors": None},
        {"zarr_format": 2, "order": "F", "attributes": {"units": "m"}},
        {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
        {"shape": (15, 30)},
    ],
)
def test_layouts_that_zarr_reads(tmp_path, options):
    x = sample((13, 21), "f8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        to_zarr(da.from_array(x, chunks=(4, 7)), tmp_path / "x", **options)
        options = {"shape": x.shape, "dtype": x.dtype, "chunks": (4, 7), **options}
        own = zarr.create_array({}, **options)
    z = zarr.open_array(tmp_path / "x", mode="r")
    assert z.metadata.to_dict() == own.metadata.to_dict()
    np.testing.assert_array_equal(z[:13, :21], x)
    np.testing.assert_array_equal(from_zarr(tmp_path / "x")[:13, :21].compute(), x)


def test_compressors_of_version_2(tmp_path):
    numcodecs = pytest.importorskip("numcodecs")
    x = sample((13, 21), "f4")
    for name in ["zlib", "blosc", "lz4"]:
        to_zarr(
            da.from_array(x, chunks=5), tmp_path / name, zarr_format=2, compressors=numcodecs.get_codec({"id": name})
        )
        np.testing.assert_array_equal(zarr.open_array(tmp_path / name)[...], x)


def test_empty_arrays(tmp_path):
    for number, shape in enumerate([(), (0,), (0, 1), (1, 0)]):
        x = np.ones(shape)
        to_zarr(da.from_array(x), tmp_path / str(number))
        np.testing.assert_array_equal(zarr.open_array(tmp_path / str(number))[...], x)
        np.testing.assert_array_equal(from_zarr(tmp_path / str(number)).compute(), x)


def test_text_and_records_by_the_package(tmp_path):
    records = np.array([(1, 2.5), (3, 4.5), (5, 6.5)], dtype=[("a", "i4"), ("b", "f8")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        to_zarr(da.from_array(records, chunks=2), tmp_path / "records")
        np.testing.assert_array_equal(zarr.open_array(tmp_path / "records")[...], records)


def test_components_and_groups(tmp_path):
    x = da.from_array(np.arange(9).reshape(3, 3), chunks=2)
    to_zarr(x, tmp_path, component="test")
    with pytest.raises(ValueError, match="overwrite"):
        to_zarr(x, tmp_path, component="test")
    to_zarr(x + 1, tmp_path, component="test", overwrite=True)
    to_zarr(x, tmp_path, component="nested/deep/test")
    to_zarr(x, tmp_path, name="named")
    with pytest.raises(ValueError, match="only groups"):
        to_zarr(x, tmp_path, component="test/below")
    group = zarr.open_group(tmp_path, mode="r")
    assert set(group) == {"test", "nested", "named"}
    np.testing.assert_array_equal(group["test"][...], np.arange(9).reshape(3, 3) + 1)
    np.testing.assert_array_equal(from_zarr(group, component="nested/deep/test").compute(), x.compute())
    np.testing.assert_array_equal(from_zarr(tmp_path, "named").compute(), x.compute())


def test_attributes_stay_when_they_are_not_json(tmp_path):
    z = zarr.create_array(tmp_path / "x", shape=(3,), chunks=(2,), dtype="f8", zarr_format=2)
    z[:] = 1
    (tmp_path / "x" / ".zattrs").write_text('{"_FillValue": NaN}')
    np.testing.assert_array_equal(from_zarr(tmp_path / "x").compute(), np.ones(3))


# --- other stores -----------------------------------------------------------------------------------------------------


def test_fsspec_urls():
    fsspec = pytest.importorskip("fsspec")
    x = sample((9, 9), "f4")
    url = "memory://dusk-zarr-test/x"
    fsspec.filesystem("memory").store.clear()
    for options in [{}, {"shards": (4, 4)}]:
        to_zarr(da.from_array(x, chunks=2), url, overwrite=True, **options)
        np.testing.assert_array_equal(from_zarr(url).compute(), x)
        np.testing.assert_array_equal(from_zarr(url)[3:4, 5].compute(), x[3:4, 5])
        np.testing.assert_array_equal(zarr.open_array(url)[...], x)
    np.testing.assert_array_equal(from_zarr(fsspec.get_mapper(url)).compute(), x)
    with pytest.raises(FileNotFoundError, match="nothing"):
        from_zarr("memory://dusk-zarr-test/nothing")


def test_mappings():
    x = sample((9, 9), "f4")
    store: dict = {}
    to_zarr(da.from_array(x, chunks=2), store)
    assert not any("unfinished" in key for key in store)
    np.testing.assert_array_equal(zarr.open_array(store)[...], x)
    np.testing.assert_array_equal(from_zarr(store).compute(), x)
    theirs: dict = {}
    by_zarr(theirs, x, (4, 4), shards=(8, 8))
    y = from_zarr(theirs)
    np.testing.assert_array_equal(y.compute(), x)
    np.testing.assert_array_equal(y[4:6, :2].compute(), x[4:6, :2])
    assert from_zarr(store).name != y.name


def test_stores_and_arrays_of_the_package(tmp_path):
    x = sample((9, 9), "f4")
    source = da.from_array(x, chunks=2)
    local = zarr.storage.LocalStore(tmp_path / "local")
    to_zarr(source, local)
    np.testing.assert_array_equal(from_zarr(local).compute(), x)
    np.testing.assert_array_equal(from_zarr(zarr.open_array(local)).compute(), x)
    memory = zarr.storage.MemoryStore()
    to_zarr(source, memory)
    np.testing.assert_array_equal(from_zarr(zarr.open_array(memory)).compute(), x)
    with zarr.storage.ZipStore(tmp_path / "x.zip", mode="w") as packed:
        to_zarr(source, packed)
    with zarr.storage.ZipStore(tmp_path / "x.zip", mode="r") as packed:
        np.testing.assert_array_equal(from_zarr(packed).compute(), x)
        assert zarr.open_array(packed, mode="r").shape == (9, 9)
    a, b = zarr.array([1, 2, 3]), zarr.array([4, 5, 6])
    assert from_zarr(a).name != from_zarr(b).name
    np.testing.assert_array_equal(from_zarr(a).compute(), [1, 2, 3])


# --- regions and existing arrays --------------------------------------------------------------------------------------


def test_regions():
    a = da.from_array(np.arange(16).reshape(4, 4), chunks=2)
    z = zarr.zeros_like(a, chunks=2)
    to_zarr(a[:2, :2], z, region=(slice(2), slice(2)))
    expected = np.zeros((4, 4), dtype=int)
    expected[:2, :2] = np.arange(16).reshape(4, 4)[:2, :2]
    np.testing.assert_array_equal(z[...], expected)
    with pytest.warns(Warning, match="rechunked along axis"):
        to_zarr(a[:3, 3:4], z, region=(slice(1, 4), slice(2, 3)))
    expected[1:4, 2:3] = np.arange(16).reshape(4, 4)[:3, 3:4]
    np.testing.assert_array_equal(z[...], expected)
    np.testing.assert_array_equal(from_zarr(z).compute(), expected)
    with pytest.raises(ValueError, match="another length"):
        to_zarr(a, z, region=(slice(1, 4), slice(2, 3)))
    with pytest.raises(ValueError, match="region"):
        to_zarr(a, {}, region=(slice(2), slice(2)))


def test_existing_arrays_take_the_dtype_of_the_store(tmp_path):
    z = zarr.create_array(tmp_path, shape=(10, 10), chunks=(3, 3), shards=(6, 6), dtype="f4")
    x = np.arange(100).reshape(10, 10)
    assert to_zarr(da.from_array(x, chunks=(7, 1)), z) is None
    np.testing.assert_array_equal(z[...], x.astype("f4"))
    with pytest.raises(ValueError):
        to_zarr(da.from_array(x, chunks=5), zarr.open_array(tmp_path, mode="r"))


def test_later_and_stored(tmp_path):
    x = np.arange(9.0).reshape(3, 3)
    a = da.from_array(x, chunks=2)
    later = to_zarr(a, tmp_path / "a", compute=False)
    assert isinstance(later, da.Array)
    with pytest.raises(ValueError, match="interrupted"):
        from_zarr(tmp_path / "a")
    dusk.compute(later)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a")[...], x)
    for compute in [True, False]:
        stored = to_zarr(a, tmp_path / f"b{compute}", compute=compute, return_stored=True)
        assert stored.chunks == a.chunks
        np.testing.assert_array_equal(stored.compute(), x)
    z = zarr.create_array({}, shape=(6, 6), chunks=(3, 2), dtype="f8")
    with pytest.warns(Warning, match="axis 1"):
        stored = to_zarr(a, z, region=(slice(3, 6), slice(0, 3)), return_stored=True)
    np.testing.assert_array_equal(stored.compute(), x)


# --- chunks of all kinds, threads -------------------------------------------------------------------------------------


def cut(rng: np.random.Generator, length: int) -> tuple[int, ...]:
    parts: list[int] = []
    while sum(parts) < length:
        parts.append(int(min(rng.integers(1, 8), length - sum(parts))))
    return tuple(parts)


@pytest.mark.parametrize("seed", range(200))
def test_any_chunks_into_any_chunks(tmp_path, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 25, 2))
    x = rng.integers(0, 1000, shape)
    a = da.from_array(x, chunks=tuple(cut(rng, n) for n in shape))
    chunks = tuple(int(n) for n in rng.integers(1, 9, 2))
    options = {} if seed % 2 else {"shards": tuple(int(n * rng.integers(1, 4)) for n in chunks)}
    with dusk.config.set(num_workers=int(rng.integers(1, 5))):
        to_zarr(a, tmp_path / "x", chunks=chunks, **options)
    z = zarr.open_array(tmp_path / "x")
    np.testing.assert_array_equal(z[...], x)
    # Part of it anew, beginning and ending within chunks.
    start = [int(rng.integers(0, n)) for n in shape]
    stop = [int(rng.integers(at, n + 1)) for at, n in zip(start, shape, strict=True)]
    y = rng.integers(1000, 2000, [b - a for a, b in zip(start, stop, strict=True)])
    region = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    if y.size:
        with warnings.catch_warnings(), dusk.config.set(num_workers=4):
            warnings.simplefilter("ignore")
            to_zarr(da.from_array(y, chunks=tuple(cut(rng, n) for n in y.shape)), z, region=region)
        x = x.copy()
        x[region] = y
    np.testing.assert_array_equal(z[...], x)
    np.testing.assert_array_equal(from_zarr(tmp_path / "x", chunks=(5, 3)).compute(), x)


# --- names, laziness, pickling ----------------------------------------------------------------------------------------


def test_names_tell_arrays_apart(tmp_path):
    x = np.arange(4)
    by_zarr(tmp_path / "a", x, (2,))
    by_zarr(tmp_path / "b", x, (2,))
    assert from_zarr(tmp_path / "a").name == from_zarr(str(tmp_path / "a")).name
    assert from_zarr(tmp_path / "a").name.startswith("from-zarr-")
    assert from_zarr(tmp_path / "a").name != from_zarr(tmp_path / "b").name
    assert from_zarr(tmp_path / "a").name != from_zarr(tmp_path / "a", chunks=3).name
    assert from_zarr(tmp_path / "a", name="mine").name == "mine"


def test_a_million_chunks_cost_nothing_until_they_are_read(tmp_path):
    z = zarr.create_array(tmp_path, shape=(1_000_000, 2), chunks=(1, 2), dtype="f8", fill_value=3)
    x = from_zarr(tmp_path)
    assert x.npartitions == 1_000_000
    np.testing.assert_array_equal(x[500_000:500_002].compute(), z[500_000:500_002])


# --- what is broken ---------------------------------------------------------------------------------------------------


def test_bad_arguments(tmp_path):
    x = da.from_array(np.arange(4), chunks=2)
    with pytest.raises(ValueError, match="mode `r`"):
        to_zarr(x, tmp_path, mode="r")
    with pytest.raises(ValueError, match="Cannot specify both"):
        to_zarr(x, tmp_path, component="a", name="b")
    with pytest.raises(TypeError, match="bogus"):
        to_zarr(x, tmp_path, bogus=1)
    with pytest.raises(ValueError, match="number of dimensions"):
        to_zarr(x, tmp_path, chunks=(1, 1))
    with pytest.raises(ValueError):
        to_zarr(x, tmp_path, zarr_format=4)
    with pytest.raises(TypeError):
        to_zarr(x, 3)
    with pytest.warns(FutureWarning):
        to_zarr(x, tmp_path / "later", readonly=False)
    with pytest.warns(UserWarning, match="The array uses irregular chunk"):
        to_zarr(da.from_array(np.arange(6), chunks=((1, 3, 2),)), tmp_path / "irregular")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "irregular")[...], np.arange(6))


def test_what_is_no_array(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        from_zarr(tmp_path / "nothing")
    zarr.open_group(tmp_path / "group")
    with pytest.raises(ValueError, match="group"):
        from_zarr(tmp_path / "group")
    zarr.open_group(tmp_path / "group2", zarr_format=2)
    with pytest.raises(ValueError, match="component"):
        from_zarr(tmp_path / "group2")
    (tmp_path / "zarr.json").write_text("{")
    with pytest.raises(ValueError, match=r"zarr\.json"):
        from_zarr(tmp_path)


def test_broken_chunks_are_named(tmp_path):
    x = np.arange(100.0).reshape(10, 10)
    by_zarr(tmp_path / "x", x, (5, 10))
    file = tmp_path / "x" / "c" / "1" / "0"
    file.write_bytes(file.read_bytes()[:-3])
    y = from_zarr(tmp_path / "x")
    np.testing.assert_array_equal(y[:5].compute(), x[:5])
    with pytest.raises(OSError, match=r"chunk \[1, 0\].*c/1/0"):
        y.compute()
    # A chunk of another dtype than the document says.
    text = json.loads((tmp_path / "x" / "zarr.json").read_text())
    text["data_type"] = "float32"
    (tmp_path / "x" / "zarr.json").write_text(json.dumps(text))
    with pytest.raises(OSError, match=r"chunk \[0, 0\]"):
        from_zarr(tmp_path / "x").compute()


def test_a_store_that_is_replaced_meanwhile(tmp_path):
    by_zarr(tmp_path / "x", np.ones(4), (2,))
    y = from_zarr(tmp_path / "x")
    with pytest.raises(ValueError, match="write elsewhere"):
        to_zarr(y + 1, tmp_path / "x", mode="w")
    np.testing.assert_array_equal(y.compute(), np.ones(4))
    shutil.rmtree(tmp_path / "x")
    with pytest.raises(ValueError, match="removed or replaced"):
        y.compute()


def test_an_interrupted_write_is_no_array(tmp_path):
    def fail(block, block_id=None):
        if block_id == (3,):
            raise RuntimeError("the sixth sense")
        return block

    x = da.from_array(np.arange(10), chunks=2).map_blocks(fail, dtype=int, meta=np.array((), dtype=int))
    with pytest.raises(RuntimeError, match="sixth"):
        to_zarr(x, tmp_path / "x")
    with pytest.raises(ValueError, match="interrupted"):
        from_zarr(tmp_path / "x")
    with pytest.raises(FileNotFoundError):
        zarr.open_array(tmp_path / "x", mode="r")
    to_zarr(da.from_array(np.arange(4), chunks=2), tmp_path / "x")
    np.testing.assert_array_equal(from_zarr(tmp_path / "x").compute(), np.arange(4))


@pytest.mark.skipif(os.name != "posix", reason="file size limits")
def test_a_full_disk_leaves_a_clear_error(tmp_path):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    x = da.from_array(np.random.default_rng(0).random((400, 400)), chunks=200)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="x") as caught:
            to_zarr(x, tmp_path / "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "c/" in str(caught.value)
    with pytest.raises(ValueError, match="interrupted"):
        from_zarr(tmp_path / "x")
    assert not [file for file in (tmp_path / "x").rglob("*") if file.name.endswith(".partial")]


def test_writers_travel_to_other_processes(tmp_path):
    from dusk.array.io._zarr_create import make_document
    from dusk.array.io._zarr_write import NativeTarget

    document = make_document({"shape": (4,), "chunks": (2,), "dtype": "i8"})
    store, node = str(tmp_path), "x"
    writer = dusk._core.ZarrWriter.create(store, node, document.text, zarr_format=3)
    target = pickle.loads(pickle.dumps(NativeTarget(writer, (store, node, document))))
    target.write([2], np.array([5, 6]))
    target.finish()
    again = pickle.loads(
        pickle.dumps(NativeTarget(dusk._core.ZarrWriter.open(dusk._core.ZarrArray(store, node)), (store, node)))
    )
    again.write([0], np.array([1, 2]))
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "x")[...], [1, 2, 5, 6])
