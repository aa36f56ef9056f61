import { FLOAT } from "./graph.js";
import { sizeOf, type Tape, type Variable, vectorShape } from "./tape.js";

/** Differentiable operators that go value by value, on two operands, or over all values. */

/** A function of each value. `derivative` gives the nodes of dy/dx from x and y; the chain rule is added here. */
function each(tape: Tape, x: Variable, y: string, derivative: (x: string, y: string) => string): Variable {
  return tape.record(y, x.shape, [x], (gradient, accumulate) =>
    accumulate(x, () => tape.graph.node("Mul", [gradient, derivative(x.name, y)])),
  );
}

/** max(x, 0). */
export function relu(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  return each(tape, x, graph.node("Relu", [x.name]), (_, y) =>
    graph.node("Cast", [graph.node("Greater", [y, graph.scalar(0)])], { to: FLOAT }),
  );
}

/** max(x, slope · x), 0 ≤ slope < 1. */
export function leakyRelu(tape: Tape, x: Variable, slope: number): Variable {
  const { graph } = tape;
  const y = graph.node("Max", [x.name, graph.node("Mul", [x.name, graph.scalar(slope)])]);
  return each(tape, x, y, (value) => {
    const positive = graph.node("Greater", [value, graph.scalar(0)]);
    return graph.node("Where", [positive, graph.scalar(1), graph.scalar(slope)]);
  });
}

export function tanh(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  return each(tape, x, graph.node("Tanh", [x.name]), (_, y) =>
    graph.node("Sub", [graph.scalar(1), graph.node("Mul", [y, y])]),
  );
}

export function sigmoid(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  return each(tape, x, graph.node("Sigmoid", [x.name]), (_, y) =>
    graph.node("Mul", [y, graph.node("Sub", [graph.scalar(1), y])]),
  );
}

/** log(1 + exp(x)). */
export function softplus(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  return each(tape, x, graph.node("Softplus", [x.name]), (value) => graph.node("Sigmoid", [value]));
}

export function abs(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  return each(tape, x, graph.node("Abs", [x.name]), (value) => graph.node("Sign", [value]));
}

/** √(x + floor). */
export function sqrt(tape: Tape, x: Variable, floor: number): Variable {
  const { graph } = tape;
  const y = graph.node("Sqrt", [graph.node("Add", [x.name, graph.scalar(floor)])]);
  return each(tape, x, y, (_, root) => graph.node("Div", [graph.scalar(0.5), root]));
}

/** log(x + floor). */
export function log(tape: Tape, x: Variable, floor: number): Variable {
  const { graph } = tape;
  const lifted = graph.node("Add", [x.name, graph.scalar(floor)]);
  return each(tape, x, graph.node("Log", [lifted]), () => graph.node("Reciprocal", [lifted]));
}

/** scale × x + shift, with constant scale and shift. */
export function affine(tape: Tape, x: Variable, scale: number, shift: number): Variable {
  const { graph } = tape;
  const y = graph.node("Add", [graph.node("Mul", [x.name, graph.scalar(scale)]), graph.scalar(shift)]);
  return each(tape, x, y, () => graph.scalar(scale));
}

/** x held within [low, high]. Its gradient passes where it changed nothing. */
export function clip(tape: Tape, x: Variable, low: number, high: number): Variable {
  const { graph } = tape;
  const y = graph.node("Clip", [x.name, graph.scalar(low), graph.scalar(high)]);
  return each(tape, x, y, (value) => graph.node("Cast", [graph.node("Equal", [value, y])], { to: FLOAT }));
}

/** −1, 0 or 1; no gradient flows through it. */
export function sign({ graph }: Tape, x: Variable): Variable {
  return { name: graph.node("Sign", [x.name]), shape: x.shape };
}

/** The value, through which no gradient flows. */
export function stopGradient({ graph }: Tape, x: Variable): Variable {
  return { name: graph.node("Identity", [x.name]), shape: x.shape };
}

export function add(tape: Tape, a: Variable, b: Variable): Variable {
  return pair(tape, "Add", a, b, (gradient) => [() => gradient, () => gradient]);
}

export function subtract(tape: Tape, a: Variable, b: Variable): Variable {
  return pair(tape, "Sub", a, b, (gradient) => [() => gradient, () => tape.graph.node("Neg", [gradient])]);
}

export function multiply(tape: Tape, a: Variable, b: Variable): Variable {
  const { graph } = tape;
  return pair(tape, "Mul", a, b, (gradient) => [
    () => graph.node("Mul", [gradient, b.name]),
    () => graph.node("Mul", [gradient, a.name]),
  ]);
}

export function divide(tape: Tape, a: Variable, b: Variable): Variable {
  const { graph } = tape;
  return pair(tape, "Div", a, b, (gradient, y) => {
    const share = () => graph.node("Div", [gradient, b.name]);
    return [share, () => graph.node("Neg", [graph.node("Mul", [share(), y])])];
  });
}

/** Two operands of one shape, or the second repeated along its axes of size 1: its gradient is summed over them. */
function pair(
  tape: Tape,
  op: string,
  a: Variable,
  b: Variable,
  derivatives: (gradient: string, y: string) => readonly [a: () => string, b: () => string],
): Variable {
  const { graph } = tape;
  if (a.shape.length !== b.shape.length || b.shape.some((size, axis) => size !== 1 && size !== a.shape[axis]))
    throw new Error(`${b.shape.join("×")} values cannot be repeated to ${a.shape.join("×")}`);
  const repeated = b.shape.flatMap((size, axis) => (size === a.shape[axis] ? [] : [axis]));
  const y = graph.node(op, [a.name, b.name]);
  return tape.record(y, a.shape, [a, b], (gradient, accumulate) => {
    const [byA, byB] = derivatives(gradient, y);
    accumulate(a, byA);
    accumulate(b, () =>
      repeated.length === 0 ? byB() : graph.node("ReduceSum", [byB(), graph.integers(...repeated)], { keepdims: 1 }),
    );
  });
}

/** log softmax over the features of each vector. */
export function logSoftmax(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  vectorShape(x);
  const y = graph.node("LogSoftmax", [x.name], { axis: 1 });
  return tape.record(y, x.shape, [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const total = graph.node("ReduceSum", [gradient, graph.integers(1)], { keepdims: 1 });
      return graph.node("Sub", [gradient, graph.node("Mul", [graph.node("Exp", [y]), total])]);
    }),
  );
}

/** Mean of all values: a scalar. */
export function mean(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const y = graph.node("ReduceMean", [x.name, graph.integers(...x.shape.keys())], { keepdims: 0 });
  return tape.record(y, [], [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const share = graph.node("Mul", [gradient, graph.scalar(1 / sizeOf(x.shape))]);
      return graph.node("Expand", [share, graph.integers(...x.shape)]);
    }),
  );
}

/** Sum of each image or vector. */
export function sumPerImage(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const { axes, shape } = perImage(x);
  const y = graph.node("ReduceSum", [x.name, graph.integers(...axes)], { keepdims: 1 });
  return tape.record(y, shape, [x], (gradient, accumulate) =>
    accumulate(x, () => graph.node("Expand", [gradient, graph.integers(...x.shape)])),
  );
}

/** Largest value of each image or vector. Ties share the gradient's full value. */
export function maxPerImage(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const { axes, shape } = perImage(x);
  const y = graph.node("ReduceMax", [x.name, graph.integers(...axes)], { keepdims: 1 });
  return tape.record(y, shape, [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const chosen = graph.node("Cast", [graph.node("Equal", [x.name, y])], { to: FLOAT });
      return graph.node("Mul", [chosen, gradient]);
    }),
  );
}

function perImage({ shape }: Variable): { readonly axes: readonly number[]; readonly shape: readonly number[] } {
  return { axes: [...shape.keys()].slice(1), shape: shape.map((size, axis) => (axis === 0 ? size : 1)) };
}
