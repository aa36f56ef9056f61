/*
 * Baseline JPEG (ITU-T T.81), from the entropy-coded bytes of one interleaved scan to planes, in the arithmetic of libjpeg-turbo:
 * its "islow" inverse DCT (jidctint.c), triangle upsampling (jdsample.c) and colours (jdcolor.c). Whatever is not plain ends in a
 * refusal, and another decoder has to say what it is.
 */

/** Bits that the first look at a code takes. */
const LOOK: i32 = 10;

/** A table of codes, in bytes from its beginning: what the first bits mean; then, for longer codes, T.81's F.2.2.3. */
const LARGEST: i32 = 4 << LOOK;
const OFFSET: i32 = LARGEST + 4 * 18;
const SYMBOLS: i32 = OFFSET + 4 * 18;

/** Entries of a first look: bits 0 … 4 how many bits to take, 6 … 9 zeros before, 10 … 14 further bits, from 16 on the value. */
const KNOWN: i32 = 1 << 15;
const RUN: i32 = 6;
const SIZE: i32 = 10;
const VALUE: i32 = 16;

/**
 * Makes a table of 16 counts and their symbols. With `values`, entries whose further bits are seen as well hold the coefficient.
 * 0: no table that there can be.
 */
export function codes(counts: usize, symbols: usize, table: usize, values: i32): i32 {
  memory.fill(table, 0, SYMBOLS + 256);
  let code = 0;
  let at = 0;
  for (let length = 1; length <= 16; length++) {
    const count: i32 = load<u8>(counts + length - 1);
    store<i32>(table + OFFSET + 4 * length, at - code);
    // A code of ones alone is kept free (T.81, C.2).
    if (at + count > 256 || (count > 0 && code + count >= 1 << length)) return 0;
    for (let index = 0; index < count; index++, at++, code++) {
      const symbol: i32 = load<u8>(symbols + at);
      store<u8>(table + SYMBOLS + at, <u8>symbol);
      if (length > LOOK) continue;
      const run = symbol >> 4;
      const size = symbol & 15;
      const free = LOOK - length;
      for (let rest = 0; rest < 1 << free; rest++) {
        let entry = KNOWN | (run << RUN);
        if (values != 0 && size > 0 && size <= free) {
          const bits = (rest >> (free - size)) & ((1 << size) - 1);
          entry |= (length + size) | (extended(bits, size) << VALUE);
        } else entry |= length | (size << SIZE);
        store<i32>(table + 4 * ((code << free) + rest), entry);
      }
    }
    // Nothing is as large where there is no code of this length.
    store<i32>(table + LARGEST + 4 * length, count > 0 ? code - 1 : -1);
    code <<= 1;
  }
  return 1;
}

/** A coefficient from its further bits (T.81, figure F.12). */
// @ts-ignore: decorator
@inline
function extended(bits: i32, size: i32): i32 {
  return bits - (((bits >> (size - 1)) - 1) & ((1 << size) - 1));
}

/**
 * The bytes of a scan without their stuffing, up to its end mark. Returns how many; −1 where another marker or nothing at all
 * comes first. `end` is one past the file.
 */
export function unstuff(source: usize, end: usize, target: usize): i32 {
  let from = source;
  let to = target;
  const marks = i8x16.splat(-1);
  while (from < end) {
    if (from + 16 <= end) {
      const bytes = v128.load(from);
      v128.store(to, bytes);
      const marked = i8x16.bitmask(i8x16.eq(bytes, marks));
      if (marked == 0) {
        from += 16;
        to += 16;
        continue;
      }
      const plain = ctz(marked);
      from += plain;
      to += plain;
    }
    const byte = load<u8>(from++);
    if (byte == 0xff) {
      if (from >= end) return -1;
      const next = load<u8>(from++);
      if (next == 0xd9) {
        // What is read ahead.
        v128.store(to, i8x16.splat(0));
        return <i32>(to - target);
      }
      if (next != 0) return -1;
    }
    store<u8>(to++, byte);
  }
  return -1;
}

/** The bits ahead, the next one uppermost; how many of them count; where further ones are. */
let bits: u64 = 0;
let held: i32 = 0;
let next: usize = 0;

// @ts-ignore: decorator
@inline
function refill(): void {
  const bytes = v128.load64_zero(next);
  const swapped = i8x16.shuffle(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0);
  bits |= <u64>i64x2.extract_lane(swapped, 0) >> <u64>held;
  next += (63 - held) >> 3;
  held |= 56;
}

/** A longer code's symbol and length, as an entry without a value; 0 where there is no such code. */
function longCode(table: usize): i32 {
  for (let length = LOOK + 1; length <= 16; length++) {
    const code = <i32>(bits >> <u64>(64 - length));
    if (code > load<i32>(table + LARGEST + 4 * length)) continue;
    const symbol: i32 = load<u8>(table + SYMBOLS + ((code + load<i32>(table + OFFSET + 4 * length)) & 255));
    return KNOWN | length | ((symbol >> 4) << RUN) | ((symbol & 15) << SIZE);
  }
  return 0;
}

/** Where coefficients stand in a block, in the order of the file; a block, and its place in memory. */
const ZIGZAG = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42,
  49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]);
const BLOCK = memory.data(128, 16);

/**
 * Above this sum of a block's coefficients something in 16 bits might overflow, and decoders would differ. No block of real
 * samples reaches it but noise.
 */
const LARGEST_SUM: i32 = 5900;

/**
 * One block: reads it, dequantises and transforms it, and stores its samples. Returns its constant coefficient before
 * quantisation, or MIN_VALUE.
 */
function block(constant: i32, dcTable: usize, acTable: usize, steps: usize, to: usize, stride: i32): i32 {
  if (held < 32) refill();
  let entry = load<i32>(dcTable + (<usize>(bits >> (64 - LOOK)) << 2));
  if (entry == 0) entry = longCode(dcTable);
  if (entry == 0) return i32.MIN_VALUE;
  const length = entry & 31;
  bits <<= length;
  held -= length;
  const category = ((entry >> SIZE) & 15) | (((entry >> RUN) & 15) << 4);
  if (category > 11) return i32.MIN_VALUE;
  if (category > 0) {
    constant += extended(<i32>(bits >> <u64>(64 - category)), category);
    bits <<= category;
    held -= category;
  }
  const first = constant * load<u16>(steps);
  let sum = abs(first);
  let only = true;
  for (let k = 1; k < 64; k++) {
    if (held < 32) refill();
    entry = load<i32>(acTable + (<usize>(bits >> (64 - LOOK)) << 2));
    if (entry == 0) {
      entry = longCode(acTable);
      if (entry == 0) return i32.MIN_VALUE;
    }
    const taken = entry & 31;
    bits <<= taken;
    held -= taken;
    let value = entry >> VALUE;
    k += (entry >> RUN) & 15;
    if (value == 0) {
      const size = (entry >> SIZE) & 15;
      if (size == 0) {
        // The end of the block, or sixteen zeros.
        if (((entry >> RUN) & 15) == 15) continue;
        if (((entry >> RUN) & 15) == 0) break;
        return i32.MIN_VALUE;
      }
      value = extended(<i32>(bits >> <u64>(64 - size)), size);
      bits <<= size;
      held -= size;
    }
    if (k > 63) return i32.MIN_VALUE;
    value *= load<u16>(steps + (k << 1));
    sum += abs(value);
    store<i16>(BLOCK + (<usize>load<u8>(ZIGZAG + k) << 1), <i16>value);
    only = false;
    // Of coefficients in no file: the sum must not overflow.
    if (sum > LARGEST_SUM) return i32.MIN_VALUE;
  }
  if (sum > LARGEST_SUM) return i32.MIN_VALUE;
  if (only) {
    const mean = min(255, max(0, ((first + 4) >> 3) + 128));
    const row = <u64>mean * 0x0101010101010101;
    for (let y = 0; y < 8; y++) store<u64>(to + y * stride, row);
    return constant;
  }
  store<i16>(BLOCK, <i16>first);
  inverse(to, stride);
  return constant;
}

// @ts-ignore: decorator
@inline
function pair(first: i32, second: i32): v128 {
  return i32x4.splat((first & 0xffff) | (second << 16));
}

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** libjpeg's constants × 2^13, added up where a product of the block's pairs takes two of them. */
const F298: i32 = 2446;
const F390: i32 = 3196;
const F541: i32 = 4433;
const F765: i32 = 6270;
const F899: i32 = 7373;
const F1175: i32 = 9633;
const F1501: i32 = 12299;
const F1847: i32 = 15137;
const F1961: i32 = 16069;
const F2053: i32 = 16819;
const F2562: i32 = 20995;
const F3072: i32 = 25172;

/** Rounded, divided by 2^shift, and kept within 16 bits. */
// @ts-ignore: decorator
@inline
function descaled(left: v128, right: v128, shift: i32): v128 {
  return i16x8.narrow_i32x4_s(i32x4.shr_s(left, shift), i32x4.shr_s(right, shift));
}

/** The inverse DCT of the block's eight columns at once, transposed. Each half of a vector's sums is 32 bits wide. */
function pass(shift: i32): void {
  const c0 = v128.load(BLOCK);
  const c1 = v128.load(BLOCK, 16);
  const c2 = v128.load(BLOCK, 32);
  const c3 = v128.load(BLOCK, 48);
  const c4 = v128.load(BLOCK, 64);
  const c5 = v128.load(BLOCK, 80);
  const c6 = v128.load(BLOCK, 96);
  const c7 = v128.load(BLOCK, 112);
  const half = i32x4.splat(1 << (shift - 1));

  let t10: v128;
  let u10: v128;
  let t13: v128;
  let u13: v128;
  let t11: v128;
  let u11: v128;
  let t12: v128;
  let u12: v128;
  let odd0l: v128;
  let odd0h: v128;
  let odd3l: v128;
  let odd3h: v128;
  let odd1l: v128;
  let odd1h: v128;
  let odd2l: v128;
  let odd2h: v128;
  if (v128.any_true(v128.or(v128.or(c4, c5), v128.or(c6, c7)))) {
    const even0 = low(c0, c4);
    const even1 = high(c0, c4);
    const even2 = low(c2, c6);
    const even3 = high(c2, c6);
    const plus = pair(1 << 13, 1 << 13);
    const minus = pair(1 << 13, -(1 << 13));
    const t0 = i32x4.add(i32x4.dot_i16x8_s(even0, plus), half);
    const u0 = i32x4.add(i32x4.dot_i16x8_s(even1, plus), half);
    const t1 = i32x4.add(i32x4.dot_i16x8_s(even0, minus), half);
    const u1 = i32x4.add(i32x4.dot_i16x8_s(even1, minus), half);
    const turn2 = pair(F541, F541 - F1847);
    const turn3 = pair(F541 + F765, F541);
    const t2 = i32x4.dot_i16x8_s(even2, turn2);
    const u2 = i32x4.dot_i16x8_s(even3, turn2);
    const t3 = i32x4.dot_i16x8_s(even2, turn3);
    const u3 = i32x4.dot_i16x8_s(even3, turn3);
    t10 = i32x4.add(t0, t3);
    u10 = i32x4.add(u0, u3);
    t13 = i32x4.sub(t0, t3);
    u13 = i32x4.sub(u0, u3);
    t11 = i32x4.add(t1, t2);
    u11 = i32x4.add(u1, u2);
    t12 = i32x4.sub(t1, t2);
    u12 = i32x4.sub(u1, u2);

    const z3 = i16x8.add(c7, c3);
    const z4 = i16x8.add(c5, c1);
    const zl = low(z3, z4);
    const zh = high(z3, z4);
    const turnZ3 = pair(F1175 - F1961, F1175);
    const turnZ4 = pair(F1175, F1175 - F390);
    const z3l = i32x4.dot_i16x8_s(zl, turnZ3);
    const z3h = i32x4.dot_i16x8_s(zh, turnZ3);
    const z4l = i32x4.dot_i16x8_s(zl, turnZ4);
    const z4h = i32x4.dot_i16x8_s(zh, turnZ4);
    const p71l = low(c7, c1);
    const p71h = high(c7, c1);
    const p53l = low(c5, c3);
    const p53h = high(c5, c3);
    const turn7 = pair(F298 - F899, -F899);
    const turn1 = pair(-F899, F1501 - F899);
    const turn5 = pair(F2053 - F2562, -F2562);
    const turn3b = pair(-F2562, F3072 - F2562);
    odd0l = i32x4.add(i32x4.dot_i16x8_s(p71l, turn7), z3l);
    odd0h = i32x4.add(i32x4.dot_i16x8_s(p71h, turn7), z3h);
    odd3l = i32x4.add(i32x4.dot_i16x8_s(p71l, turn1), z4l);
    odd3h = i32x4.add(i32x4.dot_i16x8_s(p71h, turn1), z4h);
    odd1l = i32x4.add(i32x4.dot_i16x8_s(p53l, turn5), z4l);
    odd1h = i32x4.add(i32x4.dot_i16x8_s(p53h, turn5), z4h);
    odd2l = i32x4.add(i32x4.dot_i16x8_s(p53l, turn3b), z3l);
    odd2h = i32x4.add(i32x4.dot_i16x8_s(p53h, turn3b), z3h);
  } else {
    // The same without the upper half of the frequencies, which most blocks lack.
    const t0 = i32x4.add(i32x4.shl(i32x4.extend_low_i16x8_s(c0), 13), half);
    const u0 = i32x4.add(i32x4.shl(i32x4.extend_high_i16x8_s(c0), 13), half);
    const by2 = i16x8.splat(<i16>F541);
    const by3 = i16x8.splat(<i16>(F541 + F765));
    const t2 = i32x4.extmul_low_i16x8_s(c2, by2);
    const u2 = i32x4.extmul_high_i16x8_s(c2, by2);
    const t3 = i32x4.extmul_low_i16x8_s(c2, by3);
    const u3 = i32x4.extmul_high_i16x8_s(c2, by3);
    t10 = i32x4.add(t0, t3);
    u10 = i32x4.add(u0, u3);
    t13 = i32x4.sub(t0, t3);
    u13 = i32x4.sub(u0, u3);
    t11 = i32x4.add(t0, t2);
    u11 = i32x4.add(u0, u2);
    t12 = i32x4.sub(t0, t2);
    u12 = i32x4.sub(u0, u2);
    const oddl = low(c1, c3);
    const oddh = high(c1, c3);
    const turn0 = pair(F1175 - F899, F1175 - F1961);
    const turn1 = pair(F1175 - F390, F1175 - F2562);
    const turn2 = pair(F1175, F3072 - F2562 + F1175 - F1961);
    const turn3 = pair(F1501 - F899 + F1175 - F390, F1175);
    odd0l = i32x4.dot_i16x8_s(oddl, turn0);
    odd0h = i32x4.dot_i16x8_s(oddh, turn0);
    odd1l = i32x4.dot_i16x8_s(oddl, turn1);
    odd1h = i32x4.dot_i16x8_s(oddh, turn1);
    odd2l = i32x4.dot_i16x8_s(oddl, turn2);
    odd2h = i32x4.dot_i16x8_s(oddh, turn2);
    odd3l = i32x4.dot_i16x8_s(oddl, turn3);
    odd3h = i32x4.dot_i16x8_s(oddh, turn3);
  }

  const o0 = descaled(i32x4.add(t10, odd3l), i32x4.add(u10, odd3h), shift);
  const o7 = descaled(i32x4.sub(t10, odd3l), i32x4.sub(u10, odd3h), shift);
  const o1 = descaled(i32x4.add(t11, odd2l), i32x4.add(u11, odd2h), shift);
  const o6 = descaled(i32x4.sub(t11, odd2l), i32x4.sub(u11, odd2h), shift);
  const o2 = descaled(i32x4.add(t12, odd1l), i32x4.add(u12, odd1h), shift);
  const o5 = descaled(i32x4.sub(t12, odd1l), i32x4.sub(u12, odd1h), shift);
  const o3 = descaled(i32x4.add(t13, odd0l), i32x4.add(u13, odd0h), shift);
  const o4 = descaled(i32x4.sub(t13, odd0l), i32x4.sub(u13, odd0h), shift);

  const a0 = low(o0, o4);
  const a1 = high(o0, o4);
  const a2 = low(o1, o5);
  const a3 = high(o1, o5);
  const a4 = low(o2, o6);
  const a5 = high(o2, o6);
  const a6 = low(o3, o7);
  const a7 = high(o3, o7);
  const b0 = low(a0, a4);
  const b1 = high(a0, a4);
  const b2 = low(a1, a5);
  const b3 = high(a1, a5);
  const b4 = low(a2, a6);
  const b5 = high(a2, a6);
  const b6 = low(a3, a7);
  const b7 = high(a3, a7);
  v128.store(BLOCK, low(b0, b4));
  v128.store(BLOCK, high(b0, b4), 16);
  v128.store(BLOCK, low(b1, b5), 32);
  v128.store(BLOCK, high(b1, b5), 48);
  v128.store(BLOCK, low(b2, b6), 64);
  v128.store(BLOCK, high(b2, b6), 80);
  v128.store(BLOCK, low(b3, b7), 96);
  v128.store(BLOCK, high(b3, b7), 112);
}

/** Columns, then rows; samples to their plane; and the block empty again. */
function inverse(to: usize, stride: i32): void {
  pass(11);
  pass(18);
  const middle = i8x16.splat(-128);
  const none = i64x2.splat(0);
  for (let y = 0; y < 8; y += 2, to += 2 * stride) {
    const place = BLOCK + (y << 4);
    const rows = v128.xor(i8x16.narrow_i16x8_s(v128.load(place), v128.load(place, 16)), middle);
    v128.store64_lane(to, rows, 0);
    v128.store64_lane(to + stride, rows, 1);
    v128.store(place, none);
    v128.store(place, none, 16);
  }
}

/**
 * The blocks of a scan. `parts`: for each component eight words (i32): blocks across and down in a unit, its table of constant
 * coefficients, that of the others, its steps in the order of the file (u16), its plane, and bytes per row of it. Planes hold
 * whole units. Returns 1, or 0 where the bytes are no such scan, or more are there than it takes.
 */
export function scan(source: usize, length: i32, parts: usize, components: i32, across: i32, down: i32): i32 {
  memory.fill(BLOCK, 0, 128);
  bits = 0;
  held = 0;
  next = source;
  const end = source + length;
  for (let component = 0; component < components; component++) store<i32>(parts + (component << 5), 0, 28);
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      for (let component = 0; component < components; component++) {
        const part = parts + (component << 5);
        const wide = load<i32>(part);
        const tall = load<i32>(part, 4);
        const stride = load<i32>(part, 24);
        for (let v = 0; v < tall; v++) {
          const row = load<i32>(part, 20) + ((y * tall + v) << 3) * stride + ((x * wide) << 3);
          for (let h = 0; h < wide; h++) {
            const constant = block(
              load<i32>(part, 28),
              load<i32>(part, 8),
              load<i32>(part, 12),
              load<i32>(part, 16),
              row + (h << 3),
              stride,
            );
            if (constant == i32.MIN_VALUE) return 0;
            store<i32>(part, constant, 28);
          }
        }
      }
      // Bits beyond the end would be read as nil.
      if (next > end + 8) return 0;
    }
  }
  const left = (<i32>(end - next) << 3) + held;
  return left >= 0 && left < 8 ? 1 : 0;
}

/** A row of chroma as sums: of two rows, three parts of the nearer; or of one. With one more of the first and of the last. */
function sumRow(near: usize, far: usize, columns: i32, target: usize): void {
  const three = i16x8.splat(3);
  for (let x = 0; x < columns; x += 8) {
    const value = v128.load_ext<u8>(near + x);
    const sum = far == 0 ? value : i16x8.add(i16x8.mul(value, three), v128.load_ext<u8>(far + x));
    v128.store(target + ((x + 1) << 1), sum);
  }
  store<i16>(target, load<i16>(target + 2));
  store<i16>(target + ((columns + 1) << 1), load<i16>(target + (columns << 1)));
}

/** Twice as many samples: three parts of the nearer sum, one of the farther. */
function doubleRow(sums: usize, columns: i32, target: usize, before: i32, after: i32, shift: i32): void {
  const three = i16x8.splat(3);
  const left = i16x8.splat(<i16>before);
  const right = i16x8.splat(<i16>after);
  for (let x = 0; x < columns; x += 8) {
    const at = sums + (x << 1);
    const own = i16x8.mul(v128.load(at + 2), three);
    const even = i16x8.shr_u(i16x8.add(i16x8.add(own, v128.load(at)), left), shift);
    const odd = i16x8.shr_u(i16x8.add(i16x8.add(own, v128.load(at + 4)), right), shift);
    v128.store(target + (x << 1), v128.or(even, i16x8.shl(odd, 8)));
  }
}

/**
 * Luma and chroma to red, green and blue. `wide` and `tall`: 1 or 2 samples of luma for one of chroma. `scratch`: room for three
 * rows of 16-bit samples and 256 bytes. Stores reach 16 bytes beyond each plane.
 */
export function colours(
  luma: usize,
  lumaStride: i32,
  blue: usize,
  red: usize,
  stride: i32,
  wide: i32,
  tall: i32,
  width: i32,
  height: i32,
  scratch: usize,
  r: usize,
  g: usize,
  b: usize,
): void {
  const columns = wide == 2 ? (width + 1) >> 1 : width;
  const rows = tall == 2 ? (height + 1) >> 1 : height;
  const blueRow = scratch;
  const redRow = scratch + width + 32;
  const sums = scratch + 2 * width + 64;
  for (let y = 0; y < height; y++) {
    const near = tall == 2 ? y >> 1 : y;
    const far = min(rows - 1, max(0, (y & 1) == 0 ? near - 1 : near + 1));
    let blues = blue + near * stride;
    let reds = red + near * stride;
    if (wide == 2) {
      const shift = tall == 2 ? 4 : 2;
      const before = tall == 2 ? 8 : 1;
      const after = tall == 2 ? 7 : 2;
      sumRow(blues, tall == 2 ? blue + far * stride : 0, columns, sums);
      doubleRow(sums, columns, blueRow, before, after, shift);
      sumRow(reds, tall == 2 ? red + far * stride : 0, columns, sums);
      doubleRow(sums, columns, redRow, before, after, shift);
      blues = blueRow;
      reds = redRow;
    }
    colourRow(luma + y * lumaStride, blues, reds, width, r + y * width, g + y * width, b + y * width);
  }
}

/**
 * With Cb and Cr less 128: R = Y + Cr + (26345 Cr + ½), G = Y − Cr + (−22554 Cb + 18734 Cr + ½), B = Y + 2 Cb + (−14942 Cb + ½), what is
 * in parentheses divided by 2^16 and rounded down: libjpeg's constants less whole multiples of 2^16.
 */
function colourRow(luma: usize, blues: usize, reds: usize, width: i32, r: usize, g: usize, b: usize): void {
  const middle = i16x8.splat(128);
  const half = i32x4.splat(1 << 15);
  const toRed = pair(0, 26345);
  const toGreen = pair(-22554, 18734);
  const toBlue = pair(-14942, 0);
  for (let x = 0; x < width; x += 8) {
    const y = v128.load_ext<u8>(luma + x);
    const cb = i16x8.sub(v128.load_ext<u8>(blues + x), middle);
    const cr = i16x8.sub(v128.load_ext<u8>(reds + x), middle);
    const left = low(cb, cr);
    const right = high(cb, cr);
    const addRed = scaled(left, right, toRed, half);
    const addGreen = scaled(left, right, toGreen, half);
    const addBlue = scaled(left, right, toBlue, half);
    const red = i16x8.add(i16x8.add(y, cr), addRed);
    const green = i16x8.add(i16x8.sub(y, cr), addGreen);
    const blue = i16x8.add(i16x8.add(y, i16x8.shl(cb, 1)), addBlue);
    v128.store64_lane(r + x, i8x16.narrow_i16x8_u(red, red), 0);
    v128.store64_lane(g + x, i8x16.narrow_i16x8_u(green, green), 0);
    v128.store64_lane(b + x, i8x16.narrow_i16x8_u(blue, blue), 0);
  }
}

// @ts-ignore: decorator
@inline
function scaled(left: v128, right: v128, factors: v128, half: v128): v128 {
  return i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(left, factors), half), 16),
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(right, factors), half), 16),
  );
}

/** Rows of `stride` bytes without what lies beyond `width`, in place. */
export function crop(plane: usize, stride: i32, width: i32, height: i32): void {
  for (let y = 1; y < height; y++) memory.copy(plane + y * width, plane + y * stride, width);
}
