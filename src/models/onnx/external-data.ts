import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { PbfReader } from "pbf";
import { StepwedgeError } from "../../core/errors.js";

/* Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5 } as const;
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE = { tensor: 5, graph: 6, tensors: 10, graphs: 11 } as const;
const TENSOR_EXTERNAL = 13;
const ENTRY = { key: 1, value: 2 } as const;

/**
 * The files beside an ONNX file that hold its weights, by the names that it gives them, sorted. They are part of the model:
 * its hash alone would not tell that they were changed.
 * @throws StepwedgeError where one is missing, or lies outside the model's folder
 */
export function externalFiles(path: string): readonly { readonly name: string; readonly path: string }[] {
  const names = new Set<string>();
  try {
    new PbfReader(readFileSync(path)).readFields((tag, _, pbf) => {
      if (tag === MODEL_GRAPH) readGraph(pbf, names);
    }, null);
  } catch {
    // No protobuf: onnxruntime will say so in better words.
    return [];
  }
  return [...names].sort().map((name) => {
    const place = join(dirname(path), name);
    if (isAbsolute(name) || normalize(name).startsWith("..")) {
      throw new StepwedgeError(`keeps weights outside its folder: ${name}`, {
        where: path,
        remedy: "Put them beside the .onnx file: an audit reads the model it was given and nothing else.",
      });
    }
    if (!existsSync(place)) {
      throw new StepwedgeError(`keeps weights in ${name}, which is not there`, {
        where: path,
        remedy: "Put that file beside the .onnx file, under the name that it had at the export.",
      });
    }
    return { name, path: place };
  });
}

function readGraph(pbf: PbfReader, names: Set<string>): void {
  within(pbf, (tag) => {
    if (tag === GRAPH.initializer) readTensor(pbf, names);
    else if (tag === GRAPH.node) within(pbf, (field) => field === NODE_ATTRIBUTE && readAttribute(pbf, names));
  });
}

function readAttribute(pbf: PbfReader, names: Set<string>): void {
  within(pbf, (tag) => {
    if (tag === ATTRIBUTE.tensor || tag === ATTRIBUTE.tensors) readTensor(pbf, names);
    else if (tag === ATTRIBUTE.graph || tag === ATTRIBUTE.graphs) readGraph(pbf, names);
  });
}

function readTensor(pbf: PbfReader, names: Set<string>): void {
  within(pbf, (tag) => {
    if (tag !== TENSOR_EXTERNAL) return;
    let [key, value] = ["", ""];
    within(pbf, (field) => {
      if (field === ENTRY.key) key = pbf.readString();
      else if (field === ENTRY.value) value = pbf.readString();
    });
    if (key === "location") names.add(value);
  });
}

/** The fields of the message that begins here; what `read` leaves alone is skipped. */
function within(pbf: PbfReader, read: (tag: number) => unknown): void {
  pbf.readMessage((tag) => read(tag), null);
}
