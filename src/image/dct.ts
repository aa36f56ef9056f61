/**
 * The 8×8 discrete cosine transform of JPEG in integers: libjpeg's "islow" pair (jfdctint.c and jidctint.c, after
 * C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989).
 * Bit for bit what libjpeg and libjpeg-turbo compute by default, and thereby Pillow and sharp. A block is transformed where
 * it lies in its plane: `at` is the index of its first value, `width` the length of the plane's rows.
 */
const CONST_BITS = 13;
const PASS1_BITS = 2;

/** The rotation constants × 2^13, named by their values as in libjpeg. */
const FIX_0_298631336 = 2446;
const FIX_0_390180644 = 3196;
const FIX_0_541196100 = 4433;
const FIX_0_765366865 = 6270;
const FIX_0_899976223 = 7373;
const FIX_1_175875602 = 9633;
const FIX_1_501321110 = 12299;
const FIX_1_847759065 = 15137;
const FIX_1_961570560 = 16069;
const FIX_2_053119869 = 16819;
const FIX_2_562915447 = 20995;
const FIX_3_072711026 = 25172;

const { imul } = Math;

/** Samples to coefficients, which come out 8 times too large (the quantiser divides that away). */
export function forwardDct(plane: Int32Array, at: number, width: number): void {
  for (let row = 0; row < 8; row++) forwardPass(plane, at + row * width, 1, CONST_BITS - PASS1_BITS, PASS1_BITS, 0);
  for (let column = 0; column < 8; column++) {
    forwardPass(plane, at + column, width, CONST_BITS + PASS1_BITS, 0, PASS1_BITS);
  }
}

/**
 * Eight values, `stride` apart. Products are divided by 2^shift, rounded; the two sums without products are multiplied
 * by 2^up or divided by 2^down.
 */
function forwardPass(plane: Int32Array, at: number, stride: number, shift: number, up: number, down: number): void {
  const i1 = at + stride;
  const i2 = i1 + stride;
  const i3 = i2 + stride;
  const i4 = i3 + stride;
  const i5 = i4 + stride;
  const i6 = i5 + stride;
  const i7 = i6 + stride;
  const x0 = plane[at] as number;
  const x1 = plane[i1] as number;
  const x2 = plane[i2] as number;
  const x3 = plane[i3] as number;
  const x4 = plane[i4] as number;
  const x5 = plane[i5] as number;
  const x6 = plane[i6] as number;
  const x7 = plane[i7] as number;
  const half = 1 << (shift - 1);

  const even0 = x0 + x7 + (x3 + x4);
  const even3 = x0 + x7 - (x3 + x4);
  const even1 = x1 + x6 + (x2 + x5);
  const even2 = x1 + x6 - (x2 + x5);
  const round = down === 0 ? 0 : 1 << (down - 1);
  plane[at] = (((even0 + even1) << up) + round) >> down;
  plane[i4] = (((even0 - even1) << up) + round) >> down;
  const rotation = imul(even2 + even3, FIX_0_541196100) + half;
  plane[i2] = (rotation + imul(even3, FIX_0_765366865)) >> shift;
  plane[i6] = (rotation - imul(even2, FIX_1_847759065)) >> shift;

  const odd4 = x3 - x4;
  const odd5 = x2 - x5;
  const odd6 = x1 - x6;
  const odd7 = x0 - x7;
  const z5 = imul(odd4 + odd6 + odd5 + odd7, FIX_1_175875602) + half;
  const z1 = -imul(odd4 + odd7, FIX_0_899976223);
  const z2 = -imul(odd5 + odd6, FIX_2_562915447);
  const z3 = z5 - imul(odd4 + odd6, FIX_1_961570560);
  const z4 = z5 - imul(odd5 + odd7, FIX_0_390180644);
  plane[i7] = (imul(odd4, FIX_0_298631336) + z1 + z3) >> shift;
  plane[i5] = (imul(odd5, FIX_2_053119869) + z2 + z4) >> shift;
  plane[i3] = (imul(odd6, FIX_3_072711026) + z2 + z3) >> shift;
  plane[i1] = (imul(odd7, FIX_1_501321110) + z1 + z4) >> shift;
}

/** Coefficients (dequantised, at their true size) to samples, not yet clipped. */
export function inverseDct(plane: Int32Array, at: number, width: number): void {
  for (let column = 0; column < 8; column++) inversePass(plane, at + column, width, CONST_BITS - PASS1_BITS);
  for (let row = 0; row < 8; row++) inversePass(plane, at + row * width, 1, CONST_BITS + PASS1_BITS + 3);
}

/** Eight values, `stride` apart; results are divided by 2^shift, rounded. */
function inversePass(plane: Int32Array, at: number, stride: number, shift: number): void {
  const i1 = at + stride;
  const i2 = i1 + stride;
  const i3 = i2 + stride;
  const i4 = i3 + stride;
  const i5 = i4 + stride;
  const i6 = i5 + stride;
  const i7 = i6 + stride;
  const c0 = plane[at] as number;
  const c1 = plane[i1] as number;
  const c2 = plane[i2] as number;
  const c3 = plane[i3] as number;
  const c4 = plane[i4] as number;
  const c5 = plane[i5] as number;
  const c6 = plane[i6] as number;
  const c7 = plane[i7] as number;
  const half = 1 << (shift - 1);

  // After quantisation most lines hold their mean alone; the full computation would give the same.
  if ((c1 | c2 | c3 | c4 | c5 | c6 | c7) === 0) {
    const mean = ((c0 << CONST_BITS) + half) >> shift;
    plane[at] = mean;
    plane[i1] = mean;
    plane[i2] = mean;
    plane[i3] = mean;
    plane[i4] = mean;
    plane[i5] = mean;
    plane[i6] = mean;
    plane[i7] = mean;
    return;
  }

  const rotation = imul(c2 + c6, FIX_0_541196100);
  const t2 = rotation - imul(c6, FIX_1_847759065);
  const t3 = rotation + imul(c2, FIX_0_765366865);
  const t0 = ((c0 + c4) << CONST_BITS) + half;
  const t1 = ((c0 - c4) << CONST_BITS) + half;

  const z5 = imul(c7 + c3 + c5 + c1, FIX_1_175875602);
  const z1 = -imul(c7 + c1, FIX_0_899976223);
  const z2 = -imul(c5 + c3, FIX_2_562915447);
  const z3 = z5 - imul(c7 + c3, FIX_1_961570560);
  const z4 = z5 - imul(c5 + c1, FIX_0_390180644);
  const odd0 = imul(c7, FIX_0_298631336) + z1 + z3;
  const odd1 = imul(c5, FIX_2_053119869) + z2 + z4;
  const odd2 = imul(c3, FIX_3_072711026) + z2 + z3;
  const odd3 = imul(c1, FIX_1_501321110) + z1 + z4;

  plane[at] = (t0 + t3 + odd3) >> shift;
  plane[i7] = (t0 + t3 - odd3) >> shift;
  plane[i1] = (t1 + t2 + odd2) >> shift;
  plane[i6] = (t1 + t2 - odd2) >> shift;
  plane[i2] = (t1 - t2 + odd1) >> shift;
  plane[i5] = (t1 - t2 - odd1) >> shift;
  plane[i3] = (t0 - t3 + odd0) >> shift;
  plane[i4] = (t0 - t3 - odd0) >> shift;
}
