//! Kernels against the system's library, on all of their paths.

use super::*;

/// Units in the last place between a value and the truth.
fn ulps(value: f64, truth: f64) -> f64 {
    if value.to_bits() == truth.to_bits() || (value.is_nan() && truth.is_nan()) {
        return 0.0;
    }
    let unit = f64::from_bits(truth.abs().to_bits() + 1) - truth.abs();
    ((value - truth) / unit).abs()
}

fn arguments() -> Vec<f64> {
    let mut all = vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e-300,
        -1e-300,
        1e-320,
        1e5,
        -1e5,
        1e22,
        709.0,
        -745.0,
        0.346_573_590_279_972_64,
        -0.346_573_590_279_972_7,
        1e-9,
        -1e-9,
        1e-17,
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    };
    for scale in [1e-6, 1e-3, 0.1, 0.5, 1.0, 3.0, 30.0, 700.0, 1e5] {
        all.extend((0..20_000).map(|_| random() * scale));
    }
    all
}

/// What the library says, which is within `limit - 1` units itself.
fn check<K: Kernel>(name: &str, positive: bool, limit: f64) {
    let x: Vec<f64> = arguments()
        .into_iter()
        .map(|x| if positive { x.abs() } else { x })
        .collect();
    let mut out = vec![MaybeUninit::new(0.0); x.len()];
    let compare = |out: &[MaybeUninit<f64>], path: &str| {
        for (x, made) in x.iter().zip(out) {
            // SAFETY: made with a value, and written by the kernel.
            let made = unsafe { made.assume_init() };
            let off = ulps(made, K::slow(*x));
            assert!(off <= limit, "{name} by {path}: {made} at {x} is {off} units off");
        }
    };
    // In tiles, as programs run: an argument that doesn't fit must not change its neighbours.
    for (x, out) in x.chunks(512).zip(out.chunks_mut(512)) {
        map::<f64, K>(x, out);
    }
    compare(&out, "the best instructions");
    if !K::FUSED_ONLY {
        body::<f64, K, false>(&x, &mut out);
        compare(&out, "no special instructions");
    }
    let x: Vec<f32> = x.iter().map(|x| *x as f32).collect();
    let mut single = vec![MaybeUninit::new(0f32); x.len()];
    map::<f32, K>(&x, &mut single);
    for (x, made) in x.iter().zip(&single) {
        // SAFETY: as above.
        let made = unsafe { made.assume_init() };
        let truth = K::slow(f64::from(*x)) as f32;
        let same = made.to_bits() == truth.to_bits() || (made.is_nan() && truth.is_nan());
        assert!(
            same || made.to_bits().abs_diff(truth.to_bits()) <= 1,
            "{name} of {x}f32: {made} for {truth}"
        );
    }
}

#[test]
fn kernels_agree_with_the_library() {
    check::<trig::Sin>("sin", false, 1.0);
    check::<trig::Cos>("cos", false, 1.0);
    check::<trig::Tan>("tan", false, 1.0);
    check::<exp::Exp>("exp", false, 1.0);
    check::<exp::Exp2>("exp2", false, 1.0);
    check::<exp::Expm1>("expm1", false, 2.0);
    check::<hyperbolic::Tanh>("tanh", false, 2.0);
    check::<hyperbolic::Sinh>("sinh", false, 2.0);
    check::<hyperbolic::Cosh>("cosh", false, 2.0);
    check::<hyperbolic::Arcsinh>("arcsinh", false, 2.0);
    check::<hyperbolic::Arccosh>("arccosh", true, 2.0);
    check::<hyperbolic::Arctanh>("arctanh", false, 2.0);
    check::<inverse::Arcsin>("arcsin", false, 1.0);
    check::<inverse::Arccos>("arccos", false, 1.0);
    check::<inverse::Arctan>("arctan", false, 1.0);
    check::<power::Cbrt>("cbrt", false, 1.0);
    check::<log::Log>("log", true, 1.0);
    check::<log::Log1p>("log1p", true, 2.0);
    check::<log::Log2>("log2", true, 2.0);
    check::<log::Log10>("log10", true, 2.0);
}

/// As [`check`], over pairs of arguments.
fn check_pairs<K: Pair>(name: &str, limit: f64) {
    let x = arguments();
    let mut y = x.clone();
    // Steps that share no factor with the length meet other neighbours.
    for step in [1, 7_919, 60_013, 101_111] {
        y.rotate_left(step);
        for whole in [false, true] {
            let y: Vec<f64> = y.iter().map(|y| if whole { y.round() } else { *y }).collect();
            let mut out = vec![MaybeUninit::new(0.0); x.len()];
            for ((x, y), out) in x.chunks(512).zip(y.chunks(512)).zip(out.chunks_mut(512)) {
                map_pairs::<f64, K>(x, y, out);
            }
            for ((x, y), made) in x.iter().zip(&y).zip(&out) {
                // SAFETY: made with a value, and written by the kernel.
                let made = unsafe { made.assume_init() };
                let off = ulps(made, K::slow(*x, *y));
                assert!(off <= limit, "{name}: {made} at {x}, {y} is {off} units off");
            }
            let narrow = |all: &[f64]| all.iter().map(|x| *x as f32).collect::<Vec<f32>>();
            let (x, y) = (narrow(&x), narrow(&y));
            let mut single = vec![MaybeUninit::new(0f32); x.len()];
            map_pairs::<f32, K>(&x, &y, &mut single);
            for ((x, y), made) in x.iter().zip(&y).zip(&single) {
                // SAFETY: as above.
                let made = unsafe { made.assume_init() };
                let truth = K::slow(f64::from(*x), f64::from(*y)) as f32;
                let same = made.to_bits() == truth.to_bits() || (made.is_nan() && truth.is_nan());
                assert!(
                    same || made.to_bits().abs_diff(truth.to_bits()) <= 1,
                    "{name} of {x}f32, {y}f32: {made} for {truth}"
                );
            }
        }
    }
}

#[test]
fn kernels_of_pairs_agree_with_the_library() {
    check_pairs::<power::Power>("power", 1.0);
    check_pairs::<inverse::Arctan2>("arctan2", 1.0);
}
