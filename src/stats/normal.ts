/** The standard normal distribution: quantile and cumulative probability, both to full double precision. */

/** Σ coefficients[i]·x^i, by Horner's rule. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + (coefficients[i] as number);
  return sum;
}

// Wichura (1988), Algorithm AS 241 (PPND16), Applied Statistics 37, 477–484: the numerators and denominators for the
// centre, the shoulders and the tails, printed as the nearest doubles.
const CENTRE = {
  numerator: [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
    33430.57558358813, 2509.0809287301227,
  ],
  denominator: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
};
const SHOULDER = {
  numerator: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  denominator: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
};
const TAIL = {
  numerator: [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  denominator: [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5,
    1.421511758316446e-7, 2.0442631033899397e-15,
  ],
};

function ratio(fraction: { readonly numerator: number[]; readonly denominator: number[] }, x: number): number {
  return polynomial(fraction.numerator, x) / polynomial(fraction.denominator, x);
}

/**
 * The z with P(Z <= z) = p, to about 1 part in 10^16 (AS 241).
 * @param p in [0, 1]; 0 and 1 give ∓∞, anything else outside gives NaN.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0) return -Infinity;
  if (p === 1) return Infinity;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const z = r <= 5 ? ratio(SHOULDER, r - 1.6) : ratio(TAIL, r - 5);
  return q < 0 ? -z : z;
}

/** The z of a two-sided interval of a nominal coverage in (0, 1): 1.959964 for 0.95. */
export function criticalValue(level: number): number {
  return -normalQuantile((1 - level) / 2);
}

// Cody (1969), Rational Chebyshev approximations for the error function, Mathematics of Computation 23, 631–637, in
// the form for the normal distribution. Highest power last.
const NEAR = {
  numerator: [18154.98125334356, 1067.6894854603709, 161.02823106855587, 2.2352520354606837, 0.06568233791820745],
  denominator: [45507.78933502673, 10260.932208618979, 976.0985517377767, 47.202581904688245, 1],
};
const MIDDLE = {
  numerator: [
    9842.714838383978, 11602.65143764735, 6848.190450536283, 2494.5375852903726, 597.2702763948002, 93.50665613217785,
    8.883149794388377, 0.39894151208813466, 1.0765576773720192e-8,
  ],
  denominator: [
    19685.429676859992, 38912.00328609327, 34900.95272114598, 18615.571640885097, 6485.558298266761, 1519.3775994075547,
    235.387901782625, 22.266688044328117, 1,
  ],
};
const FAR = {
  numerator: [
    2.9112874951168793e-5, 0.0014216191932278934, 0.022235277870649807, 0.12740116116024736, 0.215898534057957,
    0.023073441764940174,
  ],
  denominator: [
    7.297515550839662e-5, 0.0037823963320275824, 0.06598813786892856, 0.4682382124808651, 1.284260096144911, 1,
  ],
};
const INVERSE_ROOT_TWO_PI = 0.3989422804014327;

/** P(Z <= z). Relative accuracy holds far into the lower tail; P(Z > z) is `normalCdf(-z)`. */
export function normalCdf(z: number): number {
  const distance = Math.abs(z);
  if (distance <= 0.67448975) return 0.5 + z * ratio(NEAR, z * z);
  const tail = Math.exp((-z * z) / 2) * scaledTail(distance);
  return z > 0 ? 1 - tail : tail;
}

/** P(Z > z)·e^(z²/2) for z >= 0.67. */
function scaledTail(z: number): number {
  if (z <= Math.sqrt(32)) return ratio(MIDDLE, z);
  const square = 1 / (z * z);
  return (INVERSE_ROOT_TWO_PI - square * ratio(FAR, square)) / z;
}
