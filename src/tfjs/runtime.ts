import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { registerGradients } from "./gradients.js";

/** TensorFlow.js as a module, whichever package it came from. */
export type Tensorflow = typeof import("@tensorflow/tfjs");
export type TensorflowId = "tfjs-node-gpu" | "tfjs-node" | "tfjs-wasm" | "tfjs-cpu";

export interface TensorflowRuntime {
  readonly tf: Tensorflow;
  /** What runs the operators: the native library with or without CUDA, WebAssembly, or plain JavaScript. */
  readonly id: TensorflowId;
  /** For the record: package, version and backend. */
  readonly description: string;
}

/** Packages that bring TensorFlow's own library. They are not installed with ours: their install scripts download it. */
const NATIVE = ["tfjs-node-gpu", "tfjs-node"] as const;

/** Imports a package by name; rejects where it is not installed. Tests put another in its place. */
export type ImportPackage = (name: string) => Promise<unknown>;

let loading: Promise<TensorflowRuntime> | undefined;

/**
 * The one TensorFlow.js of this process, loaded when it is first asked for (a third of a second): tfjs-node-gpu or
 * tfjs-node where somebody has installed them, else WebAssembly, else plain JavaScript.
 */
export function tensorflow(): Promise<TensorflowRuntime> {
  loading ??= loadTensorflow((name) => import(name));
  return loading;
}

/** The same where it is TensorFlow's own library, which alone runs SavedModels; else null. */
export async function nativeTensorflow(): Promise<TensorflowRuntime | null> {
  const runtime = await tensorflow();
  return runtime.id === "tfjs-node" || runtime.id === "tfjs-node-gpu" ? runtime : null;
}

export async function loadTensorflow(importPackage: ImportPackage): Promise<TensorflowRuntime> {
  for (const id of NATIVE) {
    const tf = await importNative(`@tensorflow/${id}`, importPackage);
    if (tf === null) continue;
    quieten(tf);
    await tf.setBackend("tensorflow");
    registerGradients(tf, "tensorflow");
    return { tf, id, description: describe(tf, id) };
  }
  const tf = moduleOf(await importPackage("@tensorflow/tfjs"));
  quieten(tf);
  const id = (await startWasm(tf, importPackage)) ? "tfjs-wasm" : "tfjs-cpu";
  if (id === "tfjs-cpu") await tf.setBackend("cpu");
  registerGradients(tf, id === "tfjs-wasm" ? "wasm" : "cpu");
  return { tf, id, description: describe(tf, id) };
}

/** A native package, or null where it is missing or its library does not load (no CUDA, another libc). */
async function importNative(name: string, importPackage: ImportPackage): Promise<Tensorflow | null> {
  try {
    return moduleOf(await importPackage(name));
  } catch {
    return null;
  }
}

/** TensorFlow.js is CommonJS: what was imported is its `module.exports` as the default export. */
function moduleOf(imported: unknown): Tensorflow {
  return (imported as { default?: Tensorflow }).default ?? (imported as Tensorflow);
}

/** False where WebAssembly cannot be started. The .wasm files lie in the package: nothing is fetched. */
async function startWasm(tf: Tensorflow, importPackage: ImportPackage): Promise<boolean> {
  const before = processListeners();
  try {
    const wasm = (await importPackage("@tensorflow/tfjs-backend-wasm")) as { default?: WasmPackage } & WasmPackage;
    const main = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
    (wasm.default ?? wasm).setWasmPaths(join(dirname(main), "/"));
    return await tf.setBackend("wasm");
  } catch {
    return false;
  } finally {
    removeNewListeners(before);
  }
}

interface WasmPackage {
  setWasmPaths(folder: string): void;
}

/** No greeting and no advice to install another package: standard output and error belong to the command line. */
function quieten(tf: Tensorflow): void {
  tf.env().set("PROD", true);
}

const FATAL_EVENTS = ["uncaughtException", "unhandledRejection"] as const;
type Listener = (...values: unknown[]) => void;

function processListeners(): ReadonlyMap<string, readonly Listener[]> {
  return new Map(FATAL_EVENTS.map((event) => [event, process.listeners(event as "exit") as Listener[]]));
}

/** Emscripten's start-up code makes itself the process's judge of uncaught exceptions. It is not its business. */
function removeNewListeners(before: ReadonlyMap<string, readonly Listener[]>): void {
  for (const [event, listeners] of processListeners()) {
    for (const listener of listeners) {
      if (before.get(event)?.includes(listener) !== true) process.removeListener(event, listener);
    }
  }
}

function describe(tf: Tensorflow, id: TensorflowId): string {
  return `@tensorflow/tfjs ${tf.version.tfjs}, ${id}`;
}
