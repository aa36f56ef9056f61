/** Groups that share no sample, looked at together: one pass along everybody's samples in place of one for each group. */
import type { ScoredCell } from "./cell.js";
import { declareOrder, orderOf } from "./order.js";

/**
 * The place of each sample's group among some that share none, by position in everybody; their number for samples of no group.
 * @param groups of the same study and scored by the same columns as everybody, who hold all their samples
 */
export function codesIn(everybody: ScoredCell, groups: readonly ScoredCell[]): Uint16Array {
  const positions = positionsIn(everybody);
  const codes = new Uint16Array(everybody.rows.length).fill(groups.length);
  groups.forEach(({ rows }, g) => {
    for (let i = 0; i < rows.length; i++) codes[positions[rows[i] as number] as number] = g;
  });
  return codes;
}

const known = new WeakMap<ScoredCell, Uint32Array>();

/** Where each row stands in the cell. */
function positionsIn(cell: ScoredCell): Uint32Array {
  let positions = known.get(cell);
  if (positions === undefined) {
    const { rows } = cell;
    let last = -1;
    for (let i = 0; i < rows.length; i++) last = Math.max(last, rows[i] as number);
    positions = new Uint32Array(last + 1);
    for (let i = 0; i < rows.length; i++) positions[rows[i] as number] = i;
    known.set(cell, positions);
  }
  return positions;
}

/**
 * Makes known the orders of the groups' scores out of everybody's, which is picked apart and not sorted again. Ties keep the order
 * of their positions, as in sorting.
 */
export function orderTogether(everybody: ScoredCell, groups: readonly ScoredCell[]): void {
  const [scores] = everybody.scores;
  if (scores === undefined) return;
  orderWithin(
    orderOf(scores),
    codesIn(everybody, groups),
    groups.map(({ rows }) => rows.length),
  ).forEach((order, g) => {
    declareOrder((groups[g] as ScoredCell).scores[0] as Float64Array, order);
  });
}

/**
 * An ascending order picked apart by group: each group's own order, of positions within it.
 * @param codes each position's group; sizes.length for none
 */
export function orderWithin(order: Uint32Array, codes: Uint16Array, sizes: readonly number[]): Uint32Array[] {
  const orders = sizes.map((size) => new Uint32Array(size));
  const next = new Uint32Array(sizes.length + 1);
  const within = new Uint32Array(codes.length);
  for (let position = 0; position < codes.length; position++) {
    const code = codes[position] as number;
    within[position] = next[code] as number;
    next[code] = (next[code] as number) + 1;
  }
  next.fill(0);
  for (let rank = 0; rank < order.length; rank++) {
    const position = order[rank] as number;
    const code = codes[position] as number;
    if (code === sizes.length) continue;
    const place = next[code] as number;
    (orders[code] as Uint32Array)[place] = within[position] as number;
    next[code] = place + 1;
  }
  return orders;
}
