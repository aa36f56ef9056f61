import { crc32, deflateSync } from "node:zlib";

/** A PNG built chunk by chunk, for kinds of file that the encoder does not write. */
export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly bits: 1 | 2 | 4 | 8 | 16;
  /** 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGB with alpha. */
  readonly colourType: 0 | 2 | 3 | 4 | 6;
  /** Samples, interleaved, in reading order. */
  readonly samples: readonly number[];
  /** Chunks between the header and the pixels. */
  readonly chunks?: readonly (readonly [type: string, content: Uint8Array])[];
}

export function buildPng(parts: PngParts): Buffer {
  const { width, height, bits, colourType, samples } = parts;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, colourType], 8);
  const perRow = samples.length / height;
  const rows = Array.from({ length: height }, (_, row) =>
    packRow(samples.slice(row * perRow, (row + 1) * perRow), bits),
  );
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    pngChunk("IHDR", header),
    ...(parts.chunks ?? []).map(([type, content]) => pngChunk(type, content)),
    pngChunk("IDAT", deflateSync(Buffer.concat(rows))),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

export function pngChunk(type: string, content: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(content.length, 0);
  frame.writeUInt32BE(crc32(typed), 4);
  return Buffer.concat([frame.subarray(0, 4), typed, frame.subarray(4)]);
}

function packRow(samples: readonly number[], bits: number): Buffer {
  const digits = samples.map((sample) => sample.toString(2).padStart(bits, "0")).join("");
  const whole = digits.padEnd(8 * Math.ceil(digits.length / 8), "0");
  const bytes = whole.match(/.{8}/g) ?? [];
  return Buffer.from([0, ...bytes.map((byte) => Number.parseInt(byte, 2))]);
}
