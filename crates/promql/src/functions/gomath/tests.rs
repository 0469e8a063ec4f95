//! Results of Go's functions, bit by bit.

use super::*;

/// Function, arguments and result, as bits; the results are Go's.
const KNOWN: &[(&str, u64, u64, u64)] = &[
    ("acos", 0xbd8093d0a071344b, 0x0, 0x3ff921fb54444e40),
    ("acos", 0x3fe7cccf21bbdfe6, 0x0, 0x3fe76d9f8f8ca06a),
    ("acos", 0xbfe9e1c2276ab53c, 0x0, 0x40041a7572d29b5b),
    ("acos", 0x3f45e84c968571b6, 0x0, 0x3ff91f3e4aadf03c),
    ("acosh", 0x4393b104a50cafb3, 0x0, 0x40448d384e7a21b8),
    ("acosh", 0x41e74fa8b86cda1a, 0x0, 0x40368e9b10f9b96a),
    ("acosh", 0x4020f061f1b62e6b, 0x0, 0x40069be2129a428e),
    ("acosh", 0x4016a69dceafffd6, 0x0, 0x40035a7102b8f06d),
    ("asin", 0x3fcd2e25d4bac130, 0x0, 0x3fcd706a1270cd4c),
    ("asin", 0xbfdb7a90c4ce1edc, 0x0, 0xbfdc66e194477b84),
    ("asin", 0x3f3e70169873ccc9, 0x0, 0x3f3e7016aacfb85b),
    ("asin", 0x3e01576f0d38627d, 0x0, 0x3e01576f0d38627d),
    ("asinh", 0xbf86dddbe5064800, 0x0, 0xbf86ddbcc26b9746),
    ("asinh", 0xc12301b8a3eae5b5, 0x0, 0xc02c11fee07a68dd),
    ("asinh", 0x43209868d36e626a, 0x0, 0x40420a4392c398ed),
    ("asinh", 0xbf15339a4da417b6, 0x0, 0xbf15339a4d40d1b6),
    ("atan", 0x3f37565c56694df0, 0x0, 0x3f37565c45dc8d33),
    ("atan", 0x3df62835fc6d0563, 0x0, 0x3df62835fc6d0563),
    ("atan", 0x41e80361a9fd2281, 0x0, 0x3ff921fb542edac4),
    ("atan", 0xbf430c3b6a237fd9, 0x0, 0xbf430c3b4624ff66),
    ("atan2", 0x3fd117429e29bb10, 0x4008000000000000, 0x3fb6ba585a12abdc),
    ("atan2", 0x3f2d1b7ae70d1bb6, 0x0, 0x3ff921fb54442d18),
    ("atan2", 0x3f334090621ca175, 0xc079137db1a1f3f7, 0x400921faf1fe8b94),
    ("atan2", 0x4128bc282c1ebe70, 0xc1ffb100fd988bbf, 0x400921c960a3efa2),
    ("atanh", 0x3feed18a37869afc, 0x0, 0x3fffc9aed11f39d8),
    ("atanh", 0xbf4952a5fbed9e8b, 0x0, 0xbf4952a650808a8c),
    ("atanh", 0xbdf45ff5f287e2a5, 0x0, 0xbdf45ff5f287e2a5),
    ("atanh", 0xbfd4dda59b128322, 0x0, 0xbfd5a7fab385c1fe),
    ("cos", 0x3fed1a7f5defd2d6, 0x0, 0x3fe3a7235f1a80ad),
    ("cos", 0x41c750ed887ee7e5, 0x0, 0x3fed7df352fad5ce),
    ("cos", 0xc11d54f41325f31e, 0x0, 0xbfecd46c62288743),
    ("cos", 0xbfec291068b6e3a4, 0x0, 0x3fe4637641bd8fcc),
    ("cosh", 0xc004f6fc6a1ca4e2, 0x0, 0x401ba2278b9414f6),
    ("cosh", 0xc0479a6d70641782, 0x0, 0x442133cc5ee2d059),
    ("cosh", 0xbf3aee94158b5a94, 0x0, 0x3ff0000016aaa366),
    ("cosh", 0x400a067afc150b5c, 0x0, 0x4029e9257cfae301),
    ("exp", 0xc0026990b6ae084c, 0x0, 0x3fb9a06a91d6d562),
    ("exp", 0xc04bc5d2695b7f9d, 0x0, 0x3aed233454b76e57),
    ("exp", 0xc019816b0a61de30, 0x0, 0x3f5bdf9c460c72e5),
    ("exp", 0xbfd8e7690a9718aa, 0x0, 0x3fe5af4f505128bf),
    ("log10", 0x412556eab0f9123b, 0x0, 0x401760e7e1586833),
    ("log10", 0x3fcf1594715e0b20, 0x0, 0xbfe3ab5e2cbe2e15),
    ("log10", 0x3df62835fc6d0563, 0x0, 0xc022fbaeba40cd69),
    ("log10", 0x439b14c99de3b1dc, 0x0, 0x4031b0339f4ceb3a),
    ("log2", 0x405fb346aa023825, 0x0, 0x401bf2194062c4b1),
    ("log2", 0x402acfb853c6d013, 0x0, 0x400df54c972bc403),
    ("log2", 0x3f4bf29814c246b2, 0x0, 0xc02464045d644205),
    ("log2", 0x401b828d59c221ee, 0x0, 0x4006414badb4ea63),
    ("pow", 0x4380269fba3f8161, 0x3fce49d640eb4e40, 0x40c67cab3d61eaef),
    ("pow", 0x400d9a8c43e6312e, 0x3f18181ab20d5db2, 0x3ff0007e1cc2b164),
    ("pow", 0x3fe44b9f50f46a10, 0x8000000000000000, 0x3ff0000000000000),
    ("pow", 0x3f474b910ace60cb, 0xbf4dfe6365839180, 0x3ff01b44ad05935c),
    ("sin", 0xc1f9413a13243468, 0x0, 0xbfd8855485f0feef),
    ("sin", 0xbe0aa9d7f6a5ed15, 0x0, 0xbe0aa9d7f6a5ed15),
    ("sin", 0x43a2fe266a291781, 0x0, 0x3fd06d3e11f15e4d),
    ("sin", 0xc0859b0cdd43f34e, 0x0, 0xbfcd4b00c41ee47a),
    ("sinh", 0xbf427dc79b3dfd8f, 0x0, 0xbf427dc7abb523d6),
    ("sinh", 0xbde6c926a66100a6, 0x0, 0xbde6c926a66100a6),
    ("sinh", 0x4024cd626de2b22c, 0x0, 0x40d01025164c0751),
    ("sinh", 0xc0126dc78d122110, 0x0, 0xc0490c6841060248),
    ("tan", 0x3f1b69ef2e489de3, 0x0, 0x3f1b69ef2ff5d2df),
    ("tan", 0x3fd117429e29bb10, 0x0, 0x3fd18251bae6153d),
    ("tan", 0xbdb4715f1a5734a3, 0x0, 0xbdb4715f1a5734a3),
    ("tan", 0xc1f25d6f787b5cfe, 0x0, 0xbfdaef3bbd153611),
    ("tanh", 0xc385d3ccd2d5bc75, 0x0, 0xbff0000000000000),
    ("tanh", 0x43a9ba7019787cc9, 0x0, 0x3ff0000000000000),
    ("tanh", 0xc389a09673d9fd56, 0x0, 0xbff0000000000000),
    ("tanh", 0x3f09b8a3dca5d22d, 0x0, 0x3f09b8a3dc4d3132),
];

fn call(name: &str, x: f64, y: f64) -> f64 {
    let f: fn(f64) -> f64 = match name {
        "pow" => return pow(x, y),
        "atan2" => return atan2(x, y),
        "acos" => acos,
        "acosh" => acosh,
        "asin" => asin,
        "asinh" => asinh,
        "atan" => atan,
        "atanh" => atanh,
        "cos" => cos,
        "cosh" => cosh,
        "exp" => exp,
        "log10" => log10,
        "log2" => log2,
        "sin" => sin,
        "sinh" => sinh,
        "tan" => tan,
        "tanh" => tanh,
        _ => panic!("{name}"),
    };
    f(x)
}

#[test]
fn last_bits_are_gos() {
    for &(name, x, y, want) in KNOWN {
        let (x, y) = (f64::from_bits(x), f64::from_bits(y));
        let got = call(name, x, y);
        assert_eq!(got.to_bits(), want, "{name}({x}, {y}) = {got}");
    }
}

#[test]
fn ends_of_the_range() {
    assert_eq!((exp(f64::NEG_INFINITY), exp(-760.0), exp(710.0)), (0.0, 0.0, f64::INFINITY));
    assert!(exp(-745.0) > 0.0);
    assert_eq!(sinh(-0.0).to_bits(), (-0.0_f64).to_bits());
    assert!(sin(f64::INFINITY).is_nan() && tan(f64::NAN).is_nan() && acosh(0.5).is_nan());
    assert!(sin(f64::MAX).abs() <= 1.0 && cos(1e22).abs() <= 1.0);
    assert_eq!((pow(-8.0, 3.0), pow(2.0, -1074.0)), (-512.0, 5e-324));
}
