// onnxruntime checks `instanceof Float32Array` against the outer realm; jest's sandbox has typed arrays of its own.
// This environment hands the outer realm's constructors to the sandbox, so that tensors made in a test are accepted.
import { TestEnvironment } from "jest-environment-node";

const shared = [
  "ArrayBuffer",
  "SharedArrayBuffer",
  "DataView",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
];

export default class extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of shared) this.global[name] = globalThis[name];
  }
}
