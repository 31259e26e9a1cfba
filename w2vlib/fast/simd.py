"""Eight float32 numbers at a time, for use inside compiled functions.

A processor can add or multiply eight numbers with one instruction, but a compiler only does so
where it can prove that nothing overlaps – and two rows of a weight matrix might.  Here the eight
numbers are a type of their own, :data:`f32x8`, so that a kernel says what it wants::

    total = zeros8()
    for i in range(0, n, 8):
        total = total + load8(x, i) * load8(y, i)
    dot = sum8(total)

``+ - * /`` work lane by lane; ``a * b + c`` becomes one instruction where the processor has it.
On processors with shorter registers (Arm, old x86) LLVM splits the eight into two fours.

Everything here works inside ``@numba.njit`` functions only.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

LANES = 8

_FLOAT = ir.FloatType()
_I32 = ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INTS = ir.VectorType(_I32, LANES)


class _F32x8(types.Type):
    """The type of eight float32 numbers that travel together."""

    def __init__(self) -> None:
        super().__init__(name="f32x8")


f32x8 = _F32x8()


@register_model(_F32x8)
class _F32x8Model(models.PrimitiveModel):
    def __init__(self, manager, numba_type) -> None:
        super().__init__(manager, numba_type, _VECTOR)


# ---- memory -------------------------------------------------------------------------------------


def _address(context, builder, signature_, args):
    """Pointer to ``array[index]`` of a one-dimensional float32 array; nothing is checked."""
    array_type, index_type = signature_.args[:2]
    array = context.make_array(array_type)(context, builder, args[0])
    index = context.cast(builder, args[1], index_type, types.int64)
    return builder.gep(array.data, [index])


@intrinsic
def load8(typing_context, array, index):
    """``array[index : index + 8]``."""

    def generate(context, builder, sig, args):
        pointer = _address(context, builder, sig, args)
        value = builder.load(builder.bitcast(pointer, _VECTOR.as_pointer()))
        value.align = 4
        return value

    return f32x8(array, index), generate


@intrinsic
def store8(typing_context, array, index, value):
    """``array[index : index + 8] = value``."""

    def generate(context, builder, sig, args):
        pointer = _address(context, builder, sig, args)
        stored = builder.store(args[2], builder.bitcast(pointer, _VECTOR.as_pointer()))
        stored.align = 4
        return context.get_dummy_value()

    return types.void(array, index, f32x8), generate


def _prefetch(array, index, locality):
    def generate(context, builder, sig, args):
        pointer = builder.bitcast(_address(context, builder, sig, args), cgutils.voidptr_t)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, _I32, _I32, _I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, _I32(0), _I32(locality), _I32(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def prefetch(typing_context, array, index):
    """Ask for the cache line of ``array[index]``, which will be needed soon."""
    return _prefetch(array, index, 3)


@intrinsic
def prefetch_far(typing_context, array, index):
    """The same, into the second cache: for what is needed a little later."""
    return _prefetch(array, index, 2)


# ---- making and taking apart --------------------------------------------------------------------


def _same(number: float):
    return ir.Constant(_VECTOR, [number] * LANES)


def _shuffle(builder, a, b, places):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, LANES), list(places)))


@intrinsic
def zeros8(typing_context):
    """Eight zeros."""
    return f32x8(), lambda context, builder, sig, args: _same(0.0)


@intrinsic
def ones8(typing_context):
    """Eight ones."""
    return f32x8(), lambda context, builder, sig, args: _same(1.0)


@intrinsic
def all8(typing_context, number):
    """The same number eight times."""

    def generate(context, builder, sig, args):
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], _I32(0))
        return _shuffle(builder, first, first, [0] * LANES)

    return f32x8(types.float32), generate


@intrinsic(prefer_literal=True)
def lane8(typing_context, value, lane):
    """One of the eight numbers, eight times; ``lane`` is a literal 0 … 7."""
    place = lane.literal_value

    def generate(context, builder, sig, args):
        return _shuffle(builder, args[0], args[0], [place] * LANES)

    return f32x8(f32x8, lane), generate


# ---- arithmetic ---------------------------------------------------------------------------------


def _define(function, instruction: str) -> None:
    """Let ``function`` (an operator) work on two f32x8."""

    class Template(ConcreteTemplate):
        cases = [signature(f32x8, f32x8, f32x8)]

    infer_global(function)(Template)

    # "contract" lets a product and a sum become one fused instruction.
    @lower_builtin(function, f32x8, f32x8)
    def lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args, flags=("contract",))


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define(_function, _instruction)


def _call(builder, name: str, *args):
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(args))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v8f32")
    return builder.call(function, args)


@intrinsic
def negative_part8(typing_context, value):
    """``max(−x, 0)`` in each lane; what is not a number stays so."""

    def generate(context, builder, sig, args):
        positive = builder.fcmp_ordered(">=", args[0], _same(0.0))
        return builder.select(positive, _same(0.0), builder.fneg(args[0]))

    return f32x8(f32x8), generate


# 2 ** f for |f| <= 1/2, to a relative error of 2e-7 (a Chebyshev fit, highest power first).
_EXP2 = (
    1.535336188319500e-4,
    1.339887440266574e-3,
    9.618437357674640e-3,
    5.550332471162809e-2,
    2.402264791363012e-1,
    6.931472028550421e-1,
    1.0,
)
_LOG2_E = 1.4426950408889634
_LARGEST = 87.0  # exp(−87) is about the smallest normal float32


@intrinsic
def exp_minus_abs8(typing_context, value):
    """``exp(−|x|)`` in each lane; below exp(−87) it stays at that.

    ``exp(−|x|) = 2 ** (n + f)`` with a whole number n, which goes into the exponent's bits, and a
    rest f, for which a polynomial does.
    """

    def generate(context, builder, sig, args):
        size = _call(builder, "minnum", _call(builder, "fabs", args[0]), _same(_LARGEST))
        power = builder.fmul(size, _same(-_LOG2_E))
        whole = _call(builder, "rint", power)
        rest = builder.fsub(power, whole)
        result = _same(_EXP2[0])
        for coefficient in _EXP2[1:]:
            product = builder.fmul(result, rest, flags=("contract",))
            result = builder.fadd(product, _same(coefficient), flags=("contract",))
        exponent = builder.add(builder.fptosi(whole, _INTS), ir.Constant(_INTS, [127] * LANES))
        bits = builder.shl(exponent, ir.Constant(_INTS, [23] * LANES))
        return builder.fmul(result, builder.bitcast(bits, _VECTOR))

    return f32x8(f32x8), generate


@intrinsic
def where_positive8(typing_context, value, yes, no):
    """In each lane: ``yes`` where ``value >= 0``, else ``no``."""

    def generate(context, builder, sig, args):
        positive = builder.fcmp_ordered(">=", args[0], _same(0.0))
        return builder.select(positive, args[1], args[2])

    return f32x8(f32x8, f32x8, f32x8), generate


# ---- sums ---------------------------------------------------------------------------------------


@intrinsic
def sum8(typing_context, value):
    """The sum of the eight numbers, a float32."""

    def generate(context, builder, sig, args):
        kind = ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR])
        name = "llvm.vector.reduce.fadd.v8f32"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, [ir.Constant(_FLOAT, -0.0), args[0]], fastmath=("reassoc",))

    return types.float32(f32x8), generate


# Sums of several vectors at once: each step adds pairs of lanes and puts two vectors into one.
_PAIRS = ([0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15])
_QUADS = ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15])
_HALVES = ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])


@intrinsic
def sums8(typing_context, a, b, c, d, e, f):
    """``[sum8(a), sum8(b), …, sum8(f), 0, 0]``, in half the instructions of six sums."""

    def generate(context, builder, sig, args):
        def join(x, y, places):
            low, high = (_shuffle(builder, x, y, half) for half in places)
            return builder.fadd(low, high)

        ab, cd, ef = (join(args[i], args[i + 1], _PAIRS) for i in (0, 2, 4))
        return join(join(ab, cd, _QUADS), join(ef, _same(0.0), _QUADS), _HALVES)

    return f32x8(*[f32x8] * 6), generate
