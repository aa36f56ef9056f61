import { readFileSync } from "node:fs";
import { PbfReader, PbfWriter } from "pbf";

/* Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, output: 12 } as const;
const NODE_OUTPUT = 2;
const VALUE_NAME = 1;

/** Names of all tensors that the graph's nodes make, in the file's order; none where the file cannot be read. */
export function innerTensors(path: string): readonly string[] {
  const names: string[] = [];
  try {
    new PbfReader(readFileSync(path)).readFields((tag, _, pbf) => {
      if (tag !== MODEL_GRAPH) return;
      pbf.readMessage((field) => {
        if (field !== GRAPH.node) return;
        pbf.readMessage((part) => {
          if (part === NODE_OUTPUT) names.push(pbf.readString());
        }, null);
      }, null);
    }, null);
  } catch {
    // No protobuf: onnxruntime says so in better words.
    return [];
  }
  return names.filter((name) => name !== "");
}

/**
 * The model with an inner tensor as a further output. A message that occurs twice in protobuf is one, its lists joined: a
 * second `graph` with the output alone is all that it takes. The tensor's type is left to onnxruntime, which infers it.
 */
export function withOutput(path: string, name: string): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeMessage(
    MODEL_GRAPH,
    (value, graph) =>
      graph.writeMessage(GRAPH.output, (text, output) => output.writeStringField(VALUE_NAME, text), value),
    name,
  );
  return Buffer.concat([readFileSync(path), pbf.finish()]);
}
