import type { Numbers } from "../../core/data.js";

/** A number as people write it: no hexadecimal, no Infinity, no empty string. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Gathers a column of numbers, cell by cell. */
export class NumberCollector {
  #values = new Float64Array(1024);
  readonly #texts = new Map<number, string>();
  #count = 0;

  add(cell: string): void {
    let value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
    if (!Number.isFinite(value)) {
      const text = cell.trim();
      value = NUMBER.test(text) ? Number(text) : Number.NaN;
      if (!Number.isFinite(value)) {
        value = Number.NaN;
        this.#texts.set(this.#count, text);
      }
    }
    this.#push(value);
  }

  /** Takes a number that never was a text. NaN is a missing one, as data frames write it. */
  addNumber(value: number): void {
    if (!Number.isFinite(value)) this.#texts.set(this.#count, Number.isNaN(value) ? "" : String(value));
    this.#push(Number.isFinite(value) ? value : Number.NaN);
  }

  #push(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = value;
  }

  numbers(): Numbers {
    return { values: this.#values.slice(0, this.#count), texts: this.#texts };
  }
}

export function numbersOf(cells: readonly string[]): Numbers {
  const collector = new NumberCollector();
  for (const cell of cells) collector.add(cell);
  return collector.numbers();
}
