/** Columns picked by row, as plain loops: `TypedArray.from` with a callback is an order of magnitude slower. */

export function takeDoubles(column: Float64Array, rows: Uint32Array): Float64Array {
  const taken = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) taken[i] = column[rows[i] as number] as number;
  return taken;
}

export function takeCodes(column: Int32Array, rows: Uint32Array): Int32Array {
  const taken = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) taken[i] = column[rows[i] as number] as number;
  return taken;
}

export function takeRows(rows: Uint32Array, positions: Uint32Array): Uint32Array {
  const taken = new Uint32Array(positions.length);
  for (let i = 0; i < positions.length; i++) taken[i] = rows[positions[i] as number] as number;
  return taken;
}

/** Binary labels: 1 stays 1, anything else becomes 0. */
export function takeLabels(column: Int8Array | Uint8Array, rows: Uint32Array): Uint8Array {
  const taken = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) taken[i] = column[rows[i] as number] === 1 ? 1 : 0;
  return taken;
}

/** Labels as they are: 1, 0, or −1 where missing. */
export function takeTernary(column: Int8Array, rows: Uint32Array): Int8Array {
  const taken = new Int8Array(rows.length);
  for (let i = 0; i < rows.length; i++) taken[i] = column[rows[i] as number] as number;
  return taken;
}

export function takeShorts(values: Uint16Array, positions: Uint32Array): Uint16Array {
  const taken = new Uint16Array(positions.length);
  for (let i = 0; i < positions.length; i++) taken[i] = values[positions[i] as number] as number;
  return taken;
}
