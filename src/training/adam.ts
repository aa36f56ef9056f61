import type { Parameter, Tape } from "./tape.js";

/**
 * Adam (D. P. Kingma, J. Ba: Adam: A Method for Stochastic Optimization, ICLR 2015), as nodes of the graph that holds
 * the forward and backward pass. The bias corrections are folded into the rate that each step is given, as section 2
 * of the paper proposes.
 */

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-7;

/** Name of the graph's input for the corrected rate. */
export const RATE = "rate";

/** Names of a parameter's two moments among the graph's inputs, and of all three new values among its outputs. */
export const firstMoment = (name: string): string => `${name}/m`;
export const secondMoment = (name: string): string => `${name}/v`;
export const updated = (name: string): string => `${name}/new`;

/** The rate to feed at a step (from 1): the learning rate with both bias corrections. */
export function correctedRate(learningRate: number, step: number): number {
  return (learningRate * Math.sqrt(1 - BETA_2 ** step)) / (1 - BETA_1 ** step);
}

/** Adds the update of every parameter: moments and rate come in, moments and parameter go out. */
export function addAdam(tape: Tape, gradients: ReadonlyMap<string, string>): void {
  tape.graph.input(RATE, []);
  for (const parameter of tape.parameters) {
    const gradient = gradients.get(parameter.name);
    if (gradient === undefined) throw new Error(`the loss does not depend on ${parameter.name}`);
    addUpdate(tape, parameter, gradient);
  }
}

function addUpdate({ graph }: Tape, { name, shape }: Parameter, gradient: string): void {
  const decayed = (moment: string, beta: number, value: string) =>
    graph.node("Add", [
      graph.node("Mul", [graph.input(moment, shape), graph.scalar(beta)]),
      graph.node("Mul", [value, graph.scalar(1 - beta)]),
    ]);
  const first = decayed(firstMoment(name), BETA_1, gradient);
  const second = decayed(secondMoment(name), BETA_2, graph.node("Mul", [gradient, gradient]));
  const scale = graph.node("Add", [graph.node("Sqrt", [second]), graph.scalar(EPSILON)]);
  const change = graph.node("Div", [graph.node("Mul", [first, RATE]), scale]);
  graph.output(updated(name), graph.node("Sub", [name, change]), shape);
  graph.output(updated(firstMoment(name)), first, shape);
  graph.output(updated(secondMoment(name)), second, shape);
}
