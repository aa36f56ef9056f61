import { PbfWriter } from "pbf";

/**
 * Writes ONNX models: the protobuf messages of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), of
 * which only the fields that our graphs use are written. Field numbers stand beside each field's name.
 */

/** Opset 18: every reduction takes its axes as an input. IR version 8 is the one that came with it. */
const OPSET = 18;
const IR_VERSION = 8;

/** TensorProto.DataType. */
export const ElementType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const;
export type ElementType = keyof typeof ElementType;

/** AttributeProto.AttributeType. */
const INT = 2;
const INTS = 7;

export interface OnnxNode {
  /** The operator's name in the ONNX standard, such as "Conv". */
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
}

/** Integer attributes; our operators have no others. */
export type OnnxAttributes = Readonly<Record<string, number | readonly number[]>>;

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** An input or output: a string in the shape names a size that is known only when the model runs. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly description: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** The bytes of an .onnx file. Equal graphs give equal bytes. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, IR_VERSION); // ir_version
  pbf.writeStringField(2, "stepwedge"); // producer_name
  pbf.writeStringField(6, graph.description); // doc_string
  pbf.writeMessage(7, writeGraph, graph); // graph
  pbf.writeMessage(8, writeOpset, OPSET); // opset_import
  return pbf.finish();
}

function writeOpset(version: number, pbf: PbfWriter): void {
  pbf.writeStringField(1, ""); // domain
  pbf.writeVarintField(2, version); // version
}

function writeGraph(graph: OnnxGraph, pbf: PbfWriter): void {
  for (const node of graph.nodes) pbf.writeMessage(1, writeNode, node); // node
  pbf.writeStringField(2, graph.name); // name
  for (const tensor of graph.initializers) pbf.writeMessage(5, writeTensor, tensor); // initializer
  for (const value of graph.inputs) pbf.writeMessage(11, writeValue, value); // input
  for (const value of graph.outputs) pbf.writeMessage(12, writeValue, value); // output
}

function writeNode(node: OnnxNode, pbf: PbfWriter): void {
  for (const input of node.inputs) pbf.writeStringField(1, input); // input
  for (const output of node.outputs) pbf.writeStringField(2, output); // output
  pbf.writeStringField(4, node.op); // op_type
  for (const attribute of Object.entries(node.attributes)) pbf.writeMessage(5, writeAttribute, attribute); // attribute
}

function writeAttribute([name, value]: [string, number | readonly number[]], pbf: PbfWriter): void {
  pbf.writeStringField(1, name); // name
  if (typeof value === "number")
    pbf.writeVarintField(3, value); // i
  else pbf.writePackedVarint(8, [...value]); // ints
  pbf.writeVarintField(20, typeof value === "number" ? INT : INTS); // type
}

function writeTensor(tensor: OnnxTensor, pbf: PbfWriter): void {
  const { buffer, byteOffset, byteLength } = tensor.data;
  pbf.writePackedVarint(1, [...tensor.shape]); // dims
  pbf.writeVarintField(2, tensor.data instanceof Float32Array ? ElementType.float32 : ElementType.int64); // data_type
  pbf.writeStringField(8, tensor.name); // name
  pbf.writeBytesField(9, new Uint8Array(buffer, byteOffset, byteLength)); // raw_data, little-endian
}

function writeValue(value: OnnxValue, pbf: PbfWriter): void {
  pbf.writeStringField(1, value.name); // name
  pbf.writeMessage(2, writeType, value); // type
}

function writeType(value: OnnxValue, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, value); // tensor_type
}

function writeTensorType(value: OnnxValue, pbf: PbfWriter): void {
  pbf.writeVarintField(1, ElementType[value.type]); // elem_type
  pbf.writeMessage(2, writeShape, value.shape); // shape
}

function writeShape(shape: readonly (number | string)[], pbf: PbfWriter): void {
  for (const size of shape) pbf.writeMessage(1, writeDimension, size); // dim
}

function writeDimension(size: number | string, pbf: PbfWriter): void {
  if (typeof size === "number")
    pbf.writeVarintField(1, size); // dim_value
  else pbf.writeStringField(2, size); // dim_param
}
