/*
 * Resizing of 8-bit planes in Pillow's fixed point, and the reduction for perceptual hashes. Weights are integers of up to 24
 * bits; w = 2^15 · high + low, with 0 ≤ low < 2^15, so that two products of 16 bits make one, exactly (modulo 2^32, and the sum of
 * all is below that).
 *
 * Loads reach up to 16 bytes beyond a row, where weights are nil, and stores beyond a row are overwritten by the next one: every
 * area has room behind it.
 */

const HALF: i32 = 1 << 21;

/** The four sums of four vectors. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

// @ts-ignore: decorator
@inline
function whole(high: v128, low: v128): v128 {
  return i32x4.add(i32x4.shl(high, 15), low);
}

/** 16.22 fixed point to whole numbers, kept within 0 … 255, in the lowest four bytes. */
// @ts-ignore: decorator
@inline
function toBytes(sum: v128): v128 {
  const shorts = i16x8.narrow_i32x4_s(i32x4.shr_s(i32x4.add(sum, i32x4.splat(HALF)), 22), i32x4.splat(0));
  return i8x16.narrow_i16x8_u(shorts, shorts);
}

/**
 * Rows of `width` bytes to rows of `to`. For each output: the first input in `first`, and in `weights` `blocks` times eight high
 * and eight low parts (i16). The number of rows is rounded up to a multiple of four.
 */
export function across(
  source: usize,
  target: usize,
  rows: i32,
  width: i32,
  to: i32,
  first: usize,
  blocks: i32,
  weights: usize,
): void {
  for (let row = 0; row < rows; row += 4) {
    const line = source + row * width;
    let out = target + row * to;
    let weight = weights;
    for (let x = 0; x < to; x++, out++) {
      let at = line + load<i32>(first + (x << 2));
      let high0 = i32x4.splat(0);
      let high1 = high0;
      let high2 = high0;
      let high3 = high0;
      let low0 = high0;
      let low1 = high0;
      let low2 = high0;
      let low3 = high0;
      for (let block = 0; block < blocks; block++, at += 8, weight += 32) {
        const high = v128.load(weight);
        const low = v128.load(weight, 16);
        const value0 = v128.load_ext<u8>(at);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(value0, high));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(value0, low));
        const value1 = v128.load_ext<u8>(at + width);
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(value1, high));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(value1, low));
        const value2 = v128.load_ext<u8>(at + 2 * width);
        high2 = i32x4.add(high2, i32x4.dot_i16x8_s(value2, high));
        low2 = i32x4.add(low2, i32x4.dot_i16x8_s(value2, low));
        const value3 = v128.load_ext<u8>(at + 3 * width);
        high3 = i32x4.add(high3, i32x4.dot_i16x8_s(value3, high));
        low3 = i32x4.add(low3, i32x4.dot_i16x8_s(value3, low));
      }
      const bytes = toBytes(sums(whole(high0, low0), whole(high1, low1), whole(high2, low2), whole(high3, low3)));
      v128.store_lane<u8>(out, bytes, 0);
      v128.store_lane<u8>(out + to, bytes, 1);
      v128.store_lane<u8>(out + 2 * to, bytes, 2);
      v128.store_lane<u8>(out + 3 * to, bytes, 3);
    }
  }
}

/** The four pairs of sums, of two vectors. */
// @ts-ignore: decorator
@inline
function pairSums(a: v128, b: v128): v128 {
  return i32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7));
}

/** As `across`, with at most four weights for each output, as when images grow: four high parts, then four low ones. */
export function acrossFew(
  source: usize,
  target: usize,
  rows: i32,
  width: i32,
  to: i32,
  first: usize,
  weights: usize,
): void {
  for (let row = 0; row < rows; row += 4) {
    const line = source + row * width;
    let out = target + row * to;
    for (let x = 0; x < to; x++, out++) {
      const at = line + load<i32>(first + (x << 2));
      const high = v128.load64_splat(weights + (x << 4));
      const low = v128.load64_splat(weights + (x << 4), 8);
      let bytes = v128.load32_zero(at);
      bytes = v128.load32_lane(at + width, bytes, 1);
      bytes = v128.load32_lane(at + 2 * width, bytes, 2);
      bytes = v128.load32_lane(at + 3 * width, bytes, 3);
      const left = i16x8.extend_low_i8x16_u(bytes);
      const right = i16x8.extend_high_i8x16_u(bytes);
      const made = toBytes(
        pairSums(
          whole(i32x4.dot_i16x8_s(left, high), i32x4.dot_i16x8_s(left, low)),
          whole(i32x4.dot_i16x8_s(right, high), i32x4.dot_i16x8_s(right, low)),
        ),
      );
      v128.store_lane<u8>(out, made, 0);
      v128.store_lane<u8>(out + to, made, 1);
      v128.store_lane<u8>(out + 2 * to, made, 2);
      v128.store_lane<u8>(out + 3 * to, made, 3);
    }
  }
}

/**
 * `to` rows of `width` bytes, each made of `2 · pairs` rows of the source from `first` on. `weights`, for each pair: the two
 * high parts, then the two low parts (i16).
 */
export function down(
  source: usize,
  target: usize,
  width: i32,
  to: i32,
  first: usize,
  pairs: i32,
  weights: usize,
): void {
  for (let row = 0; row < to; row++) {
    const begin = source + load<i32>(first + (row << 2)) * width;
    const out = target + row * width;
    const own = weights + row * pairs * 8;
    for (let x = 0; x < width; x += 16) {
      let at = begin + x;
      let weight = own;
      let high0 = i32x4.splat(0);
      let high1 = high0;
      let high2 = high0;
      let high3 = high0;
      let low0 = high0;
      let low1 = high0;
      let low2 = high0;
      let low3 = high0;
      for (let pair = 0; pair < pairs; pair++, at += 2 * width, weight += 8) {
        const high = v128.load32_splat(weight);
        const low = v128.load32_splat(weight, 4);
        const upper = v128.load(at);
        const lower = v128.load(at + width);
        const left = i8x16.shuffle(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const right = i8x16.shuffle(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        const value0 = i16x8.extend_low_i8x16_u(left);
        const value1 = i16x8.extend_high_i8x16_u(left);
        const value2 = i16x8.extend_low_i8x16_u(right);
        const value3 = i16x8.extend_high_i8x16_u(right);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(value0, high));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(value0, low));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(value1, high));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(value1, low));
        high2 = i32x4.add(high2, i32x4.dot_i16x8_s(value2, high));
        low2 = i32x4.add(low2, i32x4.dot_i16x8_s(value2, low));
        high3 = i32x4.add(high3, i32x4.dot_i16x8_s(value3, high));
        low3 = i32x4.add(low3, i32x4.dot_i16x8_s(value3, low));
      }
      const half = i32x4.splat(HALF);
      const shorts0 = i16x8.narrow_i32x4_s(
        i32x4.shr_s(i32x4.add(whole(high0, low0), half), 22),
        i32x4.shr_s(i32x4.add(whole(high1, low1), half), 22),
      );
      const shorts1 = i16x8.narrow_i32x4_s(
        i32x4.shr_s(i32x4.add(whole(high2, low2), half), 22),
        i32x4.shr_s(i32x4.add(whole(high3, low3), half), 22),
      );
      v128.store(out + x, i8x16.narrow_i16x8_u(shorts0, shorts1));
    }
  }
}

/**
 * Of each row of `width` bytes, `to` weighted sums (i32). For each: the first input in `first`, and `blocks` times eight weights
 * (i16). The number of rows is rounded up to a multiple of four.
 */
export function weighted(
  source: usize,
  target: usize,
  rows: i32,
  width: i32,
  to: i32,
  first: usize,
  blocks: i32,
  weights: usize,
): void {
  for (let row = 0; row < rows; row += 4) {
    const line = source + row * width;
    let out = target + ((row * to) << 2);
    let weight = weights;
    for (let x = 0; x < to; x++, out += 4) {
      let at = line + load<i32>(first + (x << 2));
      let sum0 = i32x4.splat(0);
      let sum1 = sum0;
      let sum2 = sum0;
      let sum3 = sum0;
      for (let block = 0; block < blocks; block++, at += 8, weight += 16) {
        const share = v128.load(weight);
        sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(v128.load_ext<u8>(at), share));
        sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(v128.load_ext<u8>(at + width), share));
        sum2 = i32x4.add(sum2, i32x4.dot_i16x8_s(v128.load_ext<u8>(at + 2 * width), share));
        sum3 = i32x4.add(sum3, i32x4.dot_i16x8_s(v128.load_ext<u8>(at + 3 * width), share));
      }
      const all = sums(sum0, sum1, sum2, sum3);
      v128.store_lane<i32>(out, all, 0);
      v128.store_lane<i32>(out + (to << 2), all, 1);
      v128.store_lane<i32>(out + (to << 3), all, 2);
      v128.store_lane<i32>(out + 12 * to, all, 3);
    }
  }
}

/** Bytes as float32. Stores reach up to 60 bytes beyond the last. */
export function floats(source: usize, target: usize, count: i32): void {
  for (let index = 0; index < count; index += 16) {
    const bytes = v128.load(source + index);
    const left = i16x8.extend_low_i8x16_u(bytes);
    const right = i16x8.extend_high_i8x16_u(bytes);
    const out = target + (index << 2);
    v128.store(out, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(left)));
    v128.store(out, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(left)), 16);
    v128.store(out, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(right)), 32);
    v128.store(out, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(right)), 48);
  }
}
