//! The table of elementwise operations: what NumPy calls them, and which loops they have, in NumPy's order.
//!
//! A loop is written as NumPy writes it in `ufunc.types`: a letter for each argument, `>`, and the result (`l` is 64 bits
//! wide). The order counts: the first loop to which all arguments can be cast safely is the one that runs.

use crate::nd::Elem;

/// The element type of a letter.
pub(super) fn elem(letter: u8) -> Option<Elem> {
    Some(match letter {
        b'?' => Elem::Bool,
        b'b' => Elem::I8,
        b'h' => Elem::I16,
        b'i' => Elem::I32,
        b'l' => Elem::I64,
        b'B' => Elem::U8,
        b'H' => Elem::U16,
        b'I' => Elem::U32,
        b'L' => Elem::U64,
        b'e' => Elem::F16,
        b'f' => Elem::F32,
        b'd' => Elem::F64,
        b'F' => Elem::C64,
        b'D' => Elem::C128,
        _ => return None,
    })
}

const NUM2_BOOL: &str = "??>? bb>b BB>B hh>h HH>H ii>i II>I ll>l LL>L ee>e ff>f dd>d FF>F DD>D";
const NUM2: &str = "bb>b BB>B hh>h HH>H ii>i II>I ll>l LL>L ee>e ff>f dd>d FF>F DD>D";
const REAL2: &str = "bb>b BB>B hh>h HH>H ii>i II>I ll>l LL>L ee>e ff>f dd>d";
const INT2: &str = "bb>b BB>B hh>h HH>H ii>i II>I ll>l LL>L";
const BITS2: &str = "??>? bb>b BB>B hh>h HH>H ii>i II>I ll>l LL>L";
const INEXACT2: &str = "ee>e ff>f dd>d FF>F DD>D";
const FLOAT2: &str = "ee>e ff>f dd>d";
const WIDE2: &str = "dd>d DD>D";
const COMPARE: &str = "??>? bb>? BB>? hh>? HH>? ii>? II>? ll>? LL>? lL>? Ll>? ee>? ff>? dd>? FF>? DD>?";
const LOGIC2: &str = "??>? bb>? BB>? hh>? HH>? ii>? II>? ll>? LL>? ee>? ff>? dd>? FF>? DD>?";
const NUM1: &str = "b>b B>B h>h H>H i>i I>I l>l L>L e>e f>f d>d F>F D>D";
const ABSOLUTE: &str = "?>? b>b B>B h>h H>H i>i I>I l>l L>L e>e f>f d>d F>f D>d";
const FLOAT1: &str = "e>e f>f d>d";
const SIGN_BIT: &str = "e>? f>? d>?";
const INEXACT1: &str = "e>e f>f d>d F>F D>D";
const REAL1_BOOL: &str = "?>? b>b B>B h>h H>H i>i I>I l>l L>L e>e f>f d>d";
const BITS1: &str = "?>? b>b B>B h>h H>H i>i I>I l>l L>L";
const TEST1: &str = "?>? b>? B>? h>? H>? i>? I>? l>? L>? e>? f>? d>? F>? D>?";
const COUNT: &str = "b>B B>B h>B H>B i>B I>B l>B L>B";
const LDEXP: &str = "ei>e fi>f el>e fl>f di>d dl>d";
const EXPONENT: &str = "e>i f>i d>i";
const PART: &str = "?>? b>b B>B h>h H>H i>i I>I l>l L>L e>e f>f d>d F>f D>d";
const ANGLE: &str = "?>d b>e B>e h>f H>f i>d I>d l>d L>d e>e f>f d>d F>f D>d";
const PAIR: &str = "ff>F dd>D";
const SINC: &str = "e>e f>f d>d F>F D>D";
const CLIP: &str = "???>? bbb>b BBB>B hhh>h HHH>H iii>i III>I lll>l LLL>L eee>e fff>f ddd>d FFF>F DDD>D";
const WHERE: &str = "???>? ?bb>b ?BB>B ?hh>h ?HH>H ?ii>i ?II>I ?ll>l ?LL>L ?ee>e ?ff>f ?dd>d ?FF>F ?DD>D";
const ROUND: &str = "?>e b>b B>B h>h H>H i>i I>I l>l L>L e>e f>f d>d F>F D>D";

macro_rules! ops {
    ($($op:ident $name:literal $loops:ident;)*) => {
        /// An elementwise operation with one result.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum NdOp {
            $($op,)*
            /// `numpy.round` to so many decimals.
            Round(i32),
        }

        impl NdOp {
            /// All of them, rounding to whole numbers among them.
            pub const ALL: &[Self] = &[$(Self::$op,)* Self::Round(0)];

            /// NumPy's name of it; parts of operations with several results have names of their own.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$op => $name,)*
                    Self::Round(_) => "round",
                }
            }

            /// Its loops.
            pub(super) fn loops(self) -> &'static str {
                match self {
                    $(Self::$op => $loops,)*
                    Self::Round(_) => ROUND,
                }
            }
        }
    };
}

ops! {
    Add "add" NUM2_BOOL;
    Subtract "subtract" NUM2;
    Multiply "multiply" NUM2_BOOL;
    Divide "divide" INEXACT2;
    FloorDivide "floor_divide" REAL2;
    Remainder "remainder" REAL2;
    Fmod "fmod" REAL2;
    Power "power" NUM2;
    FloatPower "float_power" WIDE2;
    Negative "negative" NUM1;
    Positive "positive" NUM1;
    Absolute "absolute" ABSOLUTE;
    Fabs "fabs" FLOAT1;
    Sign "sign" NUM1;
    Signbit "signbit" SIGN_BIT;
    Rint "rint" INEXACT1;
    Floor "floor" REAL1_BOOL;
    Ceil "ceil" REAL1_BOOL;
    Trunc "trunc" REAL1_BOOL;
    Sqrt "sqrt" INEXACT1;
    Cbrt "cbrt" FLOAT1;
    Square "square" NUM1;
    Reciprocal "reciprocal" NUM1;
    Exp "exp" INEXACT1;
    Exp2 "exp2" INEXACT1;
    Expm1 "expm1" INEXACT1;
    Log "log" INEXACT1;
    Log2 "log2" INEXACT1;
    Log10 "log10" INEXACT1;
    Log1p "log1p" INEXACT1;
    Logaddexp "logaddexp" FLOAT2;
    Logaddexp2 "logaddexp2" FLOAT2;
    Sin "sin" INEXACT1;
    Cos "cos" INEXACT1;
    Tan "tan" INEXACT1;
    Arcsin "arcsin" INEXACT1;
    Arccos "arccos" INEXACT1;
    Arctan "arctan" INEXACT1;
    Arctan2 "arctan2" FLOAT2;
    Hypot "hypot" FLOAT2;
    Sinh "sinh" INEXACT1;
    Cosh "cosh" INEXACT1;
    Tanh "tanh" INEXACT1;
    Arcsinh "arcsinh" INEXACT1;
    Arccosh "arccosh" INEXACT1;
    Arctanh "arctanh" INEXACT1;
    Deg2rad "deg2rad" FLOAT1;
    Rad2deg "rad2deg" FLOAT1;
    Degrees "degrees" FLOAT1;
    Radians "radians" FLOAT1;
    BitwiseAnd "bitwise_and" BITS2;
    BitwiseOr "bitwise_or" BITS2;
    BitwiseXor "bitwise_xor" BITS2;
    Invert "invert" BITS1;
    LeftShift "left_shift" INT2;
    RightShift "right_shift" INT2;
    Greater "greater" COMPARE;
    GreaterEqual "greater_equal" COMPARE;
    Less "less" COMPARE;
    LessEqual "less_equal" COMPARE;
    Equal "equal" COMPARE;
    NotEqual "not_equal" COMPARE;
    LogicalAnd "logical_and" LOGIC2;
    LogicalOr "logical_or" LOGIC2;
    LogicalXor "logical_xor" LOGIC2;
    LogicalNot "logical_not" TEST1;
    Maximum "maximum" NUM2_BOOL;
    Minimum "minimum" NUM2_BOOL;
    Fmax "fmax" NUM2_BOOL;
    Fmin "fmin" NUM2_BOOL;
    Isfinite "isfinite" TEST1;
    Isinf "isinf" TEST1;
    Isnan "isnan" TEST1;
    Copysign "copysign" FLOAT2;
    Nextafter "nextafter" FLOAT2;
    Ldexp "ldexp" LDEXP;
    FrexpMantissa "frexp_mantissa" FLOAT1;
    FrexpExponent "frexp_exponent" EXPONENT;
    ModfFrac "modf_frac" FLOAT1;
    ModfInt "modf_int" FLOAT1;
    Heaviside "heaviside" FLOAT2;
    Gcd "gcd" INT2;
    Lcm "lcm" INT2;
    Conj "conjugate" NUM1;
    Real "real" PART;
    Imag "imag" PART;
    Angle "angle" ANGLE;
    MakeComplex "make_complex" PAIR;
    Where "where" WHERE;
    Clip "clip" CLIP;
    I0 "i0" FLOAT1;
    Sinc "sinc" SINC;
    Spacing "spacing" FLOAT1;
    BitwiseCount "bitwise_count" COUNT;
}

impl NdOp {
    /// The operation of a name: NumPy's, or an alias of it. Rounding to decimals has an argument and no name here.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = match name {
            "true_divide" => "divide",
            "mod" => "remainder",
            "pow" => "power",
            "abs" => "absolute",
            "conj" => "conjugate",
            "bitwise_not" | "bitwise_invert" => "invert",
            "bitwise_left_shift" => "left_shift",
            "bitwise_right_shift" => "right_shift",
            "acos" => "arccos",
            "acosh" => "arccosh",
            "asin" => "arcsin",
            "asinh" => "arcsinh",
            "atan" => "arctan",
            "atan2" => "arctan2",
            "atanh" => "arctanh",
            "round" => return None,
            name => name,
        };
        Self::ALL.iter().copied().find(|op| op.name() == name)
    }

    /// How many arguments it takes.
    #[must_use]
    pub fn arity(self) -> usize {
        self.loops().find('>').unwrap_or(0)
    }

    /// Whether it compares two values by order or equality.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Greater | Self::GreaterEqual | Self::Less | Self::LessEqual | Self::Equal | Self::NotEqual
        )
    }
}
