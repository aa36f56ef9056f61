import type { Random } from "../../src/core/random.js";

/** Ways to break a file. Seeded: the same number gives the same file everywhere. */

/** Numbers that lengths, sizes and counters go wrong at. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff] as const;

/** One to four changes. `others` lend parts of themselves. */
export function mutate(seed: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(seed);
  for (let left = 1 + random.integer(4); left > 0; left--) bytes = changeOnce(bytes, others, random);
  return bytes;
}

function changeOnce(bytes: Buffer, others: readonly Buffer[], random: Random): Buffer {
  if (bytes.length < 8) return Buffer.concat([bytes, Buffer.alloc(8, random.integer(256))]);
  // Heads hold sizes and offsets: every other change hits the first 64 bytes.
  const reach = random.integer(2) === 0 ? Math.min(64, bytes.length) : bytes.length;
  const at = random.integer(reach);
  const length = Math.min(bytes.length - at, 1 + random.integer(32));
  switch (random.integer(7)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.integer(8));
      return bytes;
    case 1:
      bytes[at] = random.integer(256);
      return bytes;
    case 2: {
      const edge = EDGES[random.integer(EDGES.length)] as number;
      const wide = Buffer.alloc(4);
      if (random.integer(2) === 0) wide.writeUInt32LE(edge);
      else wide.writeUInt32BE(edge);
      wide.copy(bytes, at);
      return bytes;
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 5:
      bytes.fill(random.integer(256), at, at + length);
      return bytes;
    default: {
      const other = others[random.integer(others.length)] as Buffer;
      const from = random.integer(other.length);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + length), bytes.subarray(at + length)]);
    }
  }
}
