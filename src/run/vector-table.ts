import { StepwedgeError } from "../core/errors.js";
import type { VectorTable } from "../core/head.js";
import { rowOfTable } from "../data/shared/table/join.js";
import { openTable } from "../data/shared/table/reader.js";

/** Columns of the vectors' dimensions. */
const DIMENSION = /^e(\d+)$/;

/**
 * Reads a table whose columns e0, e1, … hold a vector in each row.
 * @param texts further columns, as text; those that the table lacks are left out, but for the first, which it must have
 * @throws StepwedgeError where a dimension or a number is missing
 */
export async function readVectorTable(file: string, name: string, texts: readonly string[]): Promise<VectorTable> {
  const reader = await openTable(file, name);
  const header = await reader.header();
  const width = header.filter((column) => DIMENSION.test(column)).length;
  const dimensions = Array.from({ length: width }, (_, index) => `e${index}`);
  const gap = dimensions.find((column) => !header.includes(column));
  if (width === 0 || gap !== undefined) {
    throw new StepwedgeError(
      gap === undefined ? "has no column e0" : `has ${width} columns e…, but none called ${gap}`,
      {
        where: name,
        remedy: "The columns e0, e1, … hold the vectors, one for each dimension.",
      },
    );
  }
  const [needed = ""] = texts;
  if (!header.includes(needed)) {
    throw new StepwedgeError(`has no column "${needed}"`, { where: name, remedy: `It has: ${shown(header)}.` });
  }
  const there = texts.filter((column) => header.includes(column));
  const table = await reader.read({ texts: there, numbers: dimensions });
  const count = table.columns.get(needed)?.length ?? 0;
  const values = new Float32Array(count * width);
  for (const [d, column] of dimensions.entries()) {
    const own = table.numbers.get(column)?.values ?? new Float64Array(0);
    for (let row = 0; row < count; row++) {
      const value = own[row] ?? Number.NaN;
      if (!Number.isFinite(value)) {
        throw new StepwedgeError(`has no finite number in column ${column}`, {
          where: rowOfTable(table, row),
          remedy: "Fill in all dimensions of every row.",
        });
      }
      values[row * width + d] = value;
    }
  }
  return { name, count, width, values, texts: table.columns, rowName: (row) => rowOfTable(table, row) };
}

function shown(header: readonly string[]): string {
  const others = header.filter((column) => !DIMENSION.test(column));
  return others.length === 0 ? "no other columns than e0, e1, …" : others.slice(0, 20).join(", ");
}
