import type { Random } from "../../src/core/random.js";
import type { ImageSearch } from "./lockstep.js";

/** What a square is and does in one space. δ is whatever the space searches: pixels, or coefficients. */
export interface SquareMoves {
  /** Numbers in δ. */
  readonly length: number;
  /** Fills in the first δ. */
  start(delta: Float32Array): void;
  /** Draws where the next square lies and what signs it gets. `side` is in pixels. */
  draw(side: number): void;
  /** Sets the square drawn last, its signs reversed where `turn` is −1. Returns the share of its values that changed. */
  set(delta: Float32Array, turn: 1 | -1): number;
  /** Writes the image moved by δ. */
  render(delta: Float32Array, out: Float32Array): void;
}

/** The share of an image's area that squares cover is halved after so many of 10,000 queries (the paper's section 4). */
const HALVINGS = [10, 50, 200, 1000, 2000, 4000, 6000, 8000];
/** Squares drawn before one is accepted that changes nothing. */
const DRAWS = 10;
/** The reversed square is tried where it would change at least so much of it. */
const LEAST_CHANGE = 0.5;

/** The area of squares at a query, as a share of the image: the paper's schedule, rescaled to the budget. */
export function squareShare(startShare: number, query: number, budget: number): number {
  const at = (query * 10_000) / budget;
  return startShare * 0.5 ** HALVINGS.filter((step) => at > step).length;
}

/**
 * Random search (algorithm 1 of the paper): the next square is kept where it lowers the loss. Beyond the paper, a square
 * that did harm is tried once more with its signs reversed: where δ does not yet follow the slope, one of the two helps.
 */
export class SquareSearch implements ImageSearch {
  #kept: Float32Array;
  #trial: Float32Array;
  #least = Number.POSITIVE_INFINITY;
  #proposals = 0;
  #mayTurn = false;

  constructor(
    readonly moves: SquareMoves,
    /** Side of the square at a query, in pixels. */
    readonly sideAt: (query: number) => number,
  ) {
    this.#kept = new Float32Array(moves.length);
    this.#trial = new Float32Array(moves.length);
  }

  propose(out: Float32Array): boolean {
    const { moves } = this;
    if (this.#proposals === 0) moves.start(this.#trial);
    else if (!this.#turned()) this.#drawn();
    this.#proposals++;
    moves.render(this.#trial, out);
    return true;
  }

  learn(loss: number): void {
    if (loss >= this.#least) return;
    this.#least = loss;
    [this.#kept, this.#trial] = [this.#trial, this.#kept];
    this.#mayTurn = false;
  }

  #turned(): boolean {
    if (!this.#mayTurn) return false;
    this.#mayTurn = false;
    this.#trial.set(this.#kept);
    return this.moves.set(this.#trial, -1) >= LEAST_CHANGE;
  }

  #drawn(): void {
    const side = this.sideAt(this.#proposals);
    for (let draw = 0; draw < DRAWS; draw++) {
      this.moves.draw(side);
      this.#trial.set(this.#kept);
      if (this.moves.set(this.#trial, 1) > 0) break;
    }
    this.#mayTurn = true;
  }
}

/** Where a square of at most `side` lies on a plane of rows × columns. */
export interface Place {
  readonly row: number;
  readonly column: number;
  readonly side: number;
}

export function drawPlace(random: Random, rows: number, columns: number, side: number): Place {
  const fitting = Math.max(1, Math.min(side, rows, columns));
  return { side: fitting, row: random.integer(rows - fitting + 1), column: random.integer(columns - fitting + 1) };
}
