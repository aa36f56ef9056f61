import { sha256 } from "../core/hash.js";
import { encodeModel, type OnnxAttributes, type OnnxNode, type OnnxTensor, type OnnxValue } from "./onnx-writer.js";

/** ONNX's number for float32, as `Cast` wants it. */
export const FLOAT = 1;

/** Collects the nodes of one ONNX graph. Values go by name; every operator returns its output's name. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #constants = new Map<string, string>();
  #values = 0;

  input(name: string, shape: readonly (number | string)[]): string {
    this.#inputs.push({ name, type: "float32", shape });
    return name;
  }

  /** Gives a value the name under which the model returns it. */
  output(name: string, value: string, shape: readonly (number | string)[]): void {
    this.#nodes.push({ op: "Identity", inputs: [value], outputs: [name], attributes: {} });
    this.#outputs.push({ name, type: "float32", shape });
  }

  initializer(name: string, shape: readonly number[], data: Float32Array): string {
    this.#initializers.push({ name, shape, data });
    return name;
  }

  /** A constant array under a name of its own. */
  array(shape: readonly number[], data: Float32Array): string {
    return this.initializer(`a${++this.#values}`, shape, data);
  }

  node(op: string, inputs: readonly string[], attributes: OnnxAttributes = {}): string {
    const output = `v${++this.#values}`;
    this.#nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  }

  /** A scalar constant. */
  scalar(value: number): string {
    return this.#constant(`float ${value}`, [], Float32Array.of(value));
  }

  /** A vector of int64: axes, shapes, slice bounds. */
  integers(...values: readonly number[]): string {
    return this.#constant(`int64 ${values.join()}`, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A constant matrix; equal ones are stored once. */
  matrix(rows: number, columns: number, data: Float32Array): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return this.#constant(`matrix ${rows} ${columns} ${sha256(bytes)}`, [rows, columns], data);
  }

  reshape(value: string, shape: readonly number[]): string {
    return this.node("Reshape", [value, this.integers(...shape)]);
  }

  /** Sum over the given axes, which vanish. */
  sum(value: string, ...axes: readonly number[]): string {
    return this.node("ReduceSum", [value, this.integers(...axes)], { keepdims: 0 });
  }

  /** The model's bytes, as an .onnx file holds them. */
  encode(name: string, description = ""): Uint8Array {
    return encodeModel({
      name,
      description,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }

  #constant(key: string, shape: readonly number[], data: Float32Array | BigInt64Array): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = `c${this.#constants.size + 1}`;
    this.#initializers.push({ name, shape, data });
    this.#constants.set(key, name);
    return name;
  }
}
