/*
 * PNG's filters (W3C Portable Network Graphics, third edition, section 9), undone. Stores reach up to 16 bytes beyond a row, where
 * the next one overwrites them: the target has room behind it. `zeros` is an area of a row's length and 16 bytes, all nil, which
 * stands for the row above the first.
 */

/** Rows of a filter's number and `rowBytes` bytes, to rows of bytes. `step`: bytes per pixel, 1 to 8. 0: an unknown filter. */
export function unfilter(source: usize, target: usize, zeros: usize, height: i32, rowBytes: i32, step: i32): i32 {
  let above = zeros;
  let row = source;
  let to = target;
  for (let y = 0; y < height; y++) {
    const filter = load<u8>(row++);
    switch (filter) {
      case 0:
        memory.copy(to, row, rowBytes);
        break;
      case 1:
        sub(row, to, rowBytes, step);
        break;
      case 2:
        for (let x = 0; x < rowBytes; x += 16) v128.store(to + x, i8x16.add(v128.load(row + x), v128.load(above + x)));
        break;
      case 3:
        average(row, above, to, rowBytes, step);
        break;
      case 4:
        if (step == 1) paethGray(row, above, to, rowBytes);
        else paeth(row, above, to, rowBytes, step);
        break;
      default:
        return 0;
    }
    above = to;
    row += rowBytes;
    to += rowBytes;
  }
  return 1;
}

function sub(row: usize, to: usize, rowBytes: i32, step: i32): void {
  if (step == 1) {
    let left: i32 = 0;
    for (let x = 0; x < rowBytes; x++) {
      left += load<u8>(row + x);
      store<u8>(to + x, left);
    }
    return;
  }
  let left = i8x16.splat(0);
  for (let x = 0; x < rowBytes; x += step) {
    left = i8x16.add(left, v128.load64_zero(row + x));
    v128.store64_lane(to + x, left, 0);
  }
}

function average(row: usize, above: usize, to: usize, rowBytes: i32, step: i32): void {
  for (let x = 0; x < step; x++) store<u8>(to + x, load<u8>(row + x) + (load<u8>(above + x) >> 1));
  for (let x = step; x < rowBytes; x++) {
    const sum = <i32>load<u8>(to + x - step) + <i32>load<u8>(above + x);
    store<u8>(to + x, <i32>load<u8>(row + x) + (sum >> 1));
  }
}

/**
 * Paeth's predictor: whichever of left, up and corner is nearest to left + up − corner; of equals the first. With t = 3 · corner −
 * left − up: the smaller of left and up where the larger is at most t, the larger where the smaller is at least t, else the corner
 * (as stb_image has it).
 */
function paethGray(row: usize, above: usize, to: usize, rowBytes: i32): void {
  let left: i32 = 0;
  let corner: i32 = 0;
  for (let x = 0; x < rowBytes; x++) {
    const up: i32 = load<u8>(above + x);
    const value: i32 = load<u8>(row + x);
    const bound = 3 * corner - up - left;
    const less = left < up ? left : up;
    const more = left < up ? up : left;
    const inner = select<i32>(less, corner, more <= bound);
    left = (value + select<i32>(more, inner, bound <= less)) & 0xff;
    store<u8>(to + x, left);
    corner = up;
  }
}

/** The same, a whole pixel at a time. */
function paeth(row: usize, above: usize, to: usize, rowBytes: i32, step: i32): void {
  let left = i16x8.splat(0);
  let corner = left;
  const mask = i16x8.splat(0xff);
  for (let x = 0; x < rowBytes; x += step) {
    const up = v128.load_ext<u8>(above + x);
    const value = v128.load_ext<u8>(row + x);
    const p = i16x8.sub(up, corner);
    const q = i16x8.sub(left, corner);
    const toLeft = i16x8.abs(p);
    const toUp = i16x8.abs(q);
    const toCorner = i16x8.abs(i16x8.add(p, q));
    const least = i16x8.min_s(toCorner, i16x8.min_s(toLeft, toUp));
    const other = v128.bitselect(up, corner, i16x8.eq(least, toUp));
    const nearest = v128.bitselect(left, other, i16x8.eq(least, toLeft));
    left = v128.and(i16x8.add(value, nearest), mask);
    v128.store64_lane(to + x, i8x16.narrow_i16x8_u(left, left), 0);
    corner = up;
  }
}
