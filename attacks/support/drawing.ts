/**
 * Drawing on a mask: what part of each pixel of one plane a figure covers, 0 … 1, exactly for rectangles and to a smooth
 * edge for discs. A mask is blended with the image once; larger figures cover at least what smaller ones did, so that
 * more of a corruption is never less.
 */
export class Mask {
  readonly coverage: Float32Array;

  constructor(
    readonly height: number,
    readonly width: number,
  ) {
    this.coverage = new Float32Array(height * width);
  }

  clear(): void {
    this.coverage.fill(0);
  }

  /** Adds the area of each pixel that lies in the rectangle; pixel (x, y) is the square from (x, y) to (x + 1, y + 1). */
  addRectangle(left: number, top: number, right: number, bottom: number): void {
    const lastColumn = Math.min(this.width, Math.ceil(right));
    const lastRow = Math.min(this.height, Math.ceil(bottom));
    for (let y = Math.max(0, Math.floor(top)); y < lastRow; y++) {
      const vertical = Math.min(y + 1, bottom) - Math.max(y, top);
      for (let x = Math.max(0, Math.floor(left)); x < lastColumn; x++) {
        const horizontal = Math.min(x + 1, right) - Math.max(x, left);
        const at = y * this.width + x;
        this.coverage[at] = (this.coverage[at] as number) + Math.max(0, vertical) * Math.max(0, horizontal);
      }
    }
  }

  /** Raises the coverage to that of a disc about (x, y), in the same coordinates, whose edge is a pixel wide. */
  coverDisc(x: number, y: number, radius: number): void {
    const reach = radius + 0.5;
    const lastColumn = Math.min(this.width - 1, Math.floor(x + reach));
    const lastRow = Math.min(this.height - 1, Math.floor(y + reach));
    for (let row = Math.max(0, Math.floor(y - reach)); row <= lastRow; row++) {
      const dy = row + 0.5 - y;
      for (let column = Math.max(0, Math.floor(x - reach)); column <= lastColumn; column++) {
        const dx = column + 0.5 - x;
        const at = row * this.width + column;
        // A thread thinner than a pixel never covers one whole.
        const covered = Math.min(reach - Math.sqrt(dx * dx + dy * dy), 2 * radius, 1);
        if (covered > (this.coverage[at] as number)) this.coverage[at] = covered;
      }
    }
  }

  /** Every channel of the image, with `colour(channel)` in stored values where the mask covers it. */
  blend(source: Float32Array, target: Float32Array, opacity: number, colour: (channel: number) => number): void {
    const area = this.coverage.length;
    for (let from = 0, channel = 0; from < source.length; from += area, channel++) {
      const value = colour(channel);
      for (let i = 0; i < area; i++) {
        const original = source[from + i] as number;
        const covered = opacity * Math.min(1, this.coverage[i] as number);
        target[from + i] = original + covered * (value - original);
      }
    }
  }
}
