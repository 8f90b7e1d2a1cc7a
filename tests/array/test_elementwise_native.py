"""Elementwise operations of the engine against NumPy: every operation, all pairs of dtypes, all layouts.

Results must have NumPy's dtype and bits. Functions for which NumPy has kernels of its own differ by a few units in the
last place; NumPy does so itself between machines.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import dusk.array as da
from dusk import _core
from dusk.array._elemwise import native

DTYPES = "?bhilBHILefdFD"
UFUNCS = [
    getattr(np, name)
    for name in [
        "add",
        "subtract",
        "multiply",
        "divide",
        "floor_divide",
        "remainder",
        "fmod",
        "power",
        "float_power",
        "negative",
        "positive",
        "absolute",
        "fabs",
        "sign",
        "signbit",
        "rint",
        "floor",
        "ceil",
        "trunc",
        "sqrt",
        "cbrt",
        "square",
        "reciprocal",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "logaddexp",
        "logaddexp2",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "arctan2",
        "hypot",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "deg2rad",
        "rad2deg",
        "degrees",
        "radians",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "invert",
        "left_shift",
        "right_shift",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "equal",
        "not_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "logical_not",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "isfinite",
        "isinf",
        "isnan",
        "copysign",
        "nextafter",
        "ldexp",
        "heaviside",
        "gcd",
        "lcm",
        "conjugate",
        "spacing",
        "bitwise_count",
    ]
]
#: Operations of Python's functions: their name in the engine, and NumPy's answer.
FUNCTIONS = {
    "frexp_mantissa": lambda x: np.frexp(x)[0],
    "frexp_exponent": lambda x: np.frexp(x)[1],
    "modf_frac": lambda x: np.modf(x)[0],
    "modf_int": lambda x: np.modf(x)[1],
    "real": np.real,
    "imag": np.imag,
    "angle": np.angle,
    "sinc": np.sinc,
}
#: Units in the last place; all others agree to the bit.
TOLERANCE = dict.fromkeys(
    [
        "cbrt",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "logaddexp",
        "logaddexp2",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "arctan2",
        "hypot",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "power",
        "float_power",
        "angle",
        "sinc",
    ],
    4,
)
#: NumPy multiplies complex numbers with fused instructions where it can; parts that cancel show that.
COMPLEX_TOLERANCE = {"absolute", "multiply", "square", "power", "float_power", "divide", "reciprocal", "sign"}


def values(code: str, rng: np.random.Generator, size: int = 24) -> np.ndarray:
    dtype = np.dtype(code)
    if code == "?":
        return rng.integers(0, 2, size).astype("?")
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        special = [0, 1, 2, 3, 5, 7, 8, 63, 64, info.max, info.min, info.max - 1]
        special += [-1, -2, -7] if dtype.kind == "i" else []
        rest = rng.integers(info.min, info.max, size, dtype=dtype)
        return rng.permutation(np.concatenate([np.array(special, dtype), rest]))[:size]
    if dtype.kind == "c":
        part = "f" if code == "F" else "d"
        both = np.empty(size, dtype)
        both.real, both.imag = values(part, rng, size), values(part, rng, size)
        return both
    special = [0.0, -0.0, 1, -1, 0.5, -0.5, 2, 3, np.nan, np.inf, -np.inf, 1e-4, -7.25, 100, 10, -3.3]
    rest = np.concatenate([rng.normal(size=size), rng.normal(size=size) * 30, rng.uniform(-1, 1, size)])
    return rng.permutation(np.concatenate([special, rest]).astype(dtype))[:size]


def ordered(floats: np.ndarray) -> np.ndarray:
    """Return integers of which neighbours are neighbouring floats."""
    bits = floats.view(f"i{floats.itemsize}").astype(object)
    top = 1 << (floats.itemsize * 8 - 1)
    return np.where(floats.view(f"i{floats.itemsize}") < 0, -(bits + top), bits)


def assert_same(got: np.ndarray, want: np.ndarray, ulps: int, label: str) -> None:
    assert got.dtype == want.dtype, label
    assert got.shape == want.shape, label
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, want, err_msg=label)
        return
    part = {"F": "f", "D": "d"}.get(want.dtype.char, want.dtype.char)
    got, want = (np.ascontiguousarray(x).reshape(-1).view(part) for x in (got, want))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=label)
    got, want = got[~np.isnan(got)], want[~np.isnan(want)]
    if got.size:
        apart = np.abs(ordered(got) - ordered(want))
        worst = int(apart.argmax())
        assert apart[worst] <= ulps, f"{label}: {got[worst]!r} for {want[worst]!r}"


def arrays(args: list[np.ndarray]) -> list[da.Array]:
    return [da.from_array(arg, chunks=-1) for arg in args]


def compare(name: str, function, args: list, ulps: int, decimals: int | None = None) -> None:
    label = f"{name} of {[getattr(arg, 'dtype', arg) for arg in args]}"
    given = [da.from_array(arg, chunks=-1) if isinstance(arg, np.ndarray) else arg for arg in args]
    with np.errstate(all="ignore"):
        try:
            want = function(*args)
        except (TypeError, ValueError, OverflowError) as error:
            # NumPy has a class of its own for a missing loop, which is a TypeError.
            kind = TypeError if isinstance(error, TypeError) else type(error)
            with pytest.raises(kind) as caught:
                native(name, given, decimals).compute()
            # Beyond 64 bits NumPy speaks of C; dusk names the number and the dtype, as NumPy does for smaller ones.
            if "C long" not in str(error):
                assert str(caught.value).splitlines()[0] == str(error).splitlines()[0], label
            return
    result = native(name, given, decimals)
    assert result is not None, f"{label} is not native"
    assert result.dtype == np.asarray(want).dtype, label
    assert_same(np.asarray(result.compute()), np.asarray(want), ulps, label)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_ufunc(ufunc):
    name = ufunc.__name__
    rng = np.random.default_rng(7)
    for codes in itertools.product(DTYPES, repeat=ufunc.nin):
        args = [values(code, rng) for code in codes]
        whole = all(code not in "efdFD" for code in codes)
        if name == "power" and whole and codes[1] != "?":
            args[1] = np.abs(args[1] % args[1].dtype.type(60))
        if name == "ldexp" and args[1].dtype.kind in "iu":
            args[1] = args[1] % args[1].dtype.type(40)
        if name in ("maximum", "minimum", "fmax", "fmin"):
            # Which of two zeros is the greater one depends on the processor that NumPy runs on.
            args = [arg + 0 if arg.dtype.kind in "fc" else arg for arg in args]
        ulps = TOLERANCE.get(name, 0)
        if any(code in "FD" for code in codes) and name in COMPLEX_TOLERANCE:
            ulps = 64
        compare(name, ufunc, args, ulps)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    rng = np.random.default_rng(8)
    for code in DTYPES:
        if name == "sinc" and code == "F":
            continue  # NumPy's own error grows with cancellation
        compare(name, FUNCTIONS[name], [values(code, rng)], TOLERANCE.get(name, 0))


@pytest.mark.parametrize("decimals", [0, 1, 3, -1, -2])
def test_round(decimals):
    rng = np.random.default_rng(9)
    for code in DTYPES:
        arg = values(code, rng)
        if decimals < 0 and arg.dtype.kind in "iu":
            arg = arg // 4  # what rounds beyond its type is the processor's choice
        compare("round", lambda x: np.round(x, decimals), [arg], 0, decimals)


def test_i0():
    x = np.array([0, 0.5, -3, 8, 8.1, 30, 700, np.nan])
    compare("i0", np.i0, [x], 4)
    compare("i0", np.i0, [np.arange(5)], 4)


@pytest.mark.parametrize(
    "number",
    [0, 1, -1, 2, 300, -300, 2**31, 2**63, -(2**63), 2**64, 0.5, 2.0, 1e300, 1j, True, np.float32(0.1), np.int8(3)],
)
@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "divide", "power", "less", "equal", "bitwise_and", "maximum"]
)
def test_python_numbers_are_weak(name, number):
    rng = np.random.default_rng(10)
    for code in DTYPES:
        array = values(code, rng)
        ulps = 64 if isinstance(number, complex) or code in "FD" else TOLERANCE.get(name, 0)
        compare(name, getattr(np, name), [array, number], ulps)
        if name != "power":
            compare(name, getattr(np, name), [number, array], ulps)


@pytest.mark.parametrize("code", DTYPES)
def test_clip_and_where(code):
    rng = np.random.default_rng(11)
    a, b, c = (values(code, rng) + np.zeros((), code) for _ in range(3))
    compare("clip", np.clip, [a, b, c], 0)
    compare("where", np.where, [values("?", rng), a, b], 0)
    compare("where", np.where, [a, b, c], 0)
    if code != "?":
        compare("clip", np.clip, [a, 1, 50], 0)
        compare("where", np.where, [values("?", rng), a, 3], 0)


def test_clip_bounds_beyond_the_type_bound_nothing():
    a = np.arange(5, dtype="u1")
    compare("clip", np.clip, [a, -300, 300], 0)
    compare("clip", np.clip, [a, -1, 3], 0)


@pytest.mark.parametrize("to", DTYPES)
def test_astype(to):
    rng = np.random.default_rng(12)
    for code in DTYPES:
        array = values(code, rng)
        if array.dtype.kind in "fc" and to in "bhilBHIL":
            array = np.nan_to_num(array.real, posinf=3, neginf=1).clip(0, 100).astype(code)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            want = array.astype(to)
        got = da.from_array(array, chunks=-1).astype(to).compute()
        assert_same(got, want, 0, f"{code} as {to}")


SHAPES = [
    (),
    (1,),
    (5000,),
    (3, 4),
    (100, 3),
    (3, 1000),
    (130, 67),
    (513, 700),
    (5, 6, 7),
    (2, 300, 13),
    (0,),
    (3, 0, 4),
]


def layouts(shape: tuple[int, ...], dtype: str) -> dict[str, np.ndarray]:
    """Return arrays of one shape that lie in memory in many ways."""
    big = tuple(2 * n + 5 for n in shape)
    base = (np.arange(int(np.prod(big)), dtype="i8") * 7919 % 1009).astype(dtype).reshape(big)
    part = base[tuple(slice(0, n) for n in shape)]
    found = {
        "dense": np.ascontiguousarray(part),
        "slice": base[tuple(slice(1, 1 + n) for n in shape)],
        "step": base[tuple(slice(2, 2 + 2 * n, 2) for n in shape)],
        "reversed": base[tuple(slice(n + 3, 3, -1) for n in shape)],
        "fortran": np.asfortranarray(part),
        "uniform": np.broadcast_to(base.reshape(-1)[0], shape),
    }
    if len(shape) > 1:
        order = tuple(range(1, len(shape))) + (0,)
        found["permuted"] = np.ascontiguousarray(part.transpose(order)).transpose(np.argsort(order))
        found["trailing"] = np.ascontiguousarray(part)[0] if shape[0] else part
    for axis in range(len(shape)):
        found[f"broadcast{axis}"] = part[tuple(slice(0, 1 if i == axis else n) for i, n in enumerate(shape))]
    return found


@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "c16"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layouts(shape, dtype):
    made = layouts(shape, dtype)
    for (one, x), (two, y) in itertools.product(made.items(), repeat=2):
        if np.broadcast_shapes(x.shape, y.shape) != shape:
            continue
        a, b = arrays([x, y])
        want = (x + 1) * 2 - y
        assert_same(((a + 1) * 2 - b).compute(), want, 0, f"{one} and {two}")


def test_elements_do_not_depend_on_their_neighbours():
    x = np.random.default_rng(13).normal(size=3000) * 10
    for name in ("sin", "cos", "tan", "exp", "expm1", "log1p", "tanh"):
        function = getattr(da, name)
        whole = function(da.from_array(x, chunks=-1)).compute()
        odd = x.copy()
        odd[::7] = np.inf
        beside = function(da.from_array(odd, chunks=13)).compute()
        keep = np.isfinite(odd)
        np.testing.assert_array_equal(whole[keep], beside[keep], err_msg=name)


def test_negative_powers_of_integers_are_refused():
    a = da.from_array(np.arange(1, 5), chunks=2)
    with pytest.raises(ValueError, match="Integers to negative integer powers"):
        (a**-1).compute()
    assert (a[:0] ** -1).compute().size == 0


def test_what_has_no_loop_is_told_as_numpy_tells_it():
    a = da.from_array(np.ones(3, "?"), chunks=2)
    with pytest.raises(TypeError, match="numpy boolean subtract"):
        a - a
    with pytest.raises(TypeError, match="ufunc 'bitwise_and' not supported for the input types"):
        a & a.astype("f8")
    with pytest.raises(OverflowError, match="Python integer 300 out of bounds for uint8"):
        a.astype("u1") + 300
    assert hasattr(_core, "array_elementwise")
