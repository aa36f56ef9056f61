import { type Tape, type Variable, vectorShape } from "./tape.js";

/** Scalar losses. Targets are inputs of the graph, of the logits' shape. */

/** Mean binary cross-entropy of sigmoid(logits) against targets in [0, 1], over batch and outputs. */
export function sigmoidCrossEntropy(tape: Tape, logits: Variable, targets: Variable): Variable {
  const { graph } = tape;
  const [batch, outputs] = vectorShape(logits);
  const agreement = graph.node("Mul", [logits.name, targets.name]);
  const terms = graph.node("Sub", [graph.node("Softplus", [logits.name]), agreement]);
  const loss = graph.node("ReduceMean", [terms, graph.integers(0, 1)], { keepdims: 0 });
  return tape.record(loss, [], [logits], (gradient, accumulate) => {
    accumulate(logits, () => {
      const error = graph.node("Sub", [graph.node("Sigmoid", [logits.name]), targets.name]);
      const mean = graph.node("Mul", [error, graph.scalar(1 / (batch * outputs))]);
      return graph.node("Mul", [mean, gradient]);
    });
  });
}

/** Mean cross-entropy of softmax(logits) against targets that sum to 1 over the outputs, over the batch. */
export function softmaxCrossEntropy(tape: Tape, logits: Variable, targets: Variable): Variable {
  const { graph } = tape;
  const [batch] = vectorShape(logits);
  const logProbabilities = graph.node("LogSoftmax", [logits.name], { axis: 1 });
  const terms = graph.sum(graph.node("Mul", [logProbabilities, targets.name]), 1);
  const mean = graph.node("ReduceMean", [terms, graph.integers(0)], { keepdims: 0 });
  const loss = graph.node("Neg", [mean]);
  return tape.record(loss, [], [logits], (gradient, accumulate) => {
    accumulate(logits, () => {
      const error = graph.node("Sub", [graph.node("Exp", [logProbabilities]), targets.name]);
      const share = graph.node("Mul", [error, graph.scalar(1 / batch)]);
      return graph.node("Mul", [share, gradient]);
    });
  });
}
