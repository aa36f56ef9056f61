/**
 * Lists of counts as short text. Counts rise with the grid by little, often by nothing, so the differences are written: each
 * as digits of five bits, the lowest first, with 32 added where more follow (the scheme of source maps, without a sign); a run
 * of zeros as a zero and its length. One character a number, where JSON takes three or four.
 */

export const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** @param counts whole numbers, 0 ≤ counts[i] ≤ counts[i + 1] */
export function packed(counts: readonly number[]): string {
  let text = "";
  let zeros = 0;
  let before = 0;
  const flush = () => {
    if (zeros > 0) text += `${DIGITS[0]}${digitsOf(zeros)}`;
    zeros = 0;
  };
  for (const count of counts) {
    const change = count - before;
    before = count;
    if (change < 0 || !Number.isInteger(change)) throw new Error("only rising whole numbers can be packed");
    if (change === 0) zeros++;
    else {
      flush();
      text += digitsOf(change);
    }
  }
  flush();
  return text;
}

function digitsOf(value: number): string {
  let text = "";
  let rest = value;
  do {
    const low = rest % 32;
    rest = Math.floor(rest / 32);
    text += DIGITS[low + (rest > 0 ? 32 : 0)];
  } while (rest > 0);
  return text;
}

/** Undoes `packed`; runs in the reader's browser. */
export function unpacked(text: string): number[] {
  const counts: number[] = [];
  let at = 0;
  let sum = 0;
  const next = () => {
    let [value, scale, digit] = [0, 1, 32];
    while (digit >= 32) {
      digit = DIGITS.indexOf(text.charAt(at++));
      value += (digit % 32) * scale;
      scale *= 32;
    }
    return value;
  };
  while (at < text.length) {
    const change = next();
    sum += change;
    for (let times = change === 0 ? next() : 1; times > 0; times--) counts.push(sum);
  }
  return counts;
}
