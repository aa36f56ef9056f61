// A program as `adapter: command` runs it, without a line of ours: the protocol in plain Node. Its first argument says
// what it does wrong; "ok" is nothing. The toy model's two scores of an image are its mean and its first value.
import { existsSync, writeFileSync } from "node:fs";
import { argv, env, exit, pid, stderr, stdin, stdout } from "node:process";

const [mode = "ok", detail = "", marker = detail] = argv.slice(2);
stderr.write(`mode ${mode}\n`);
if (mode === "no-start") {
  stderr.write(`cannot import torch, ${env.STEPWEDGE_TEST_SECRET}\n`);
  exit(3);
}

/** What the model takes. */
let shape = mode === "fixed" ? [4, 1, 4, 5] : [-1, 1, 4, 5];
// A map of every image, which is the image itself: `identity <side>`.
if (mode === "identity") shape = [-1, 1, Number(detail), Number(detail)];

/** An .onnx file instead of the toy: `onnx <path>`. */
async function onnxModel(path) {
  const ort = await import("onnxruntime-node");
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const [input] = session.inputMetadata;
  shape = input.shape.map((side) => (typeof side === "number" ? side : -1));
  return async (values, shape) => {
    const tensor = new ort.Tensor("float32", values, shape);
    const { data } = (await session.run({ [session.inputNames[0]]: tensor })).prob;
    return data;
  };
}

const toy = (values, [count]) => {
  const size = values.length / count;
  return Float32Array.from({ length: 2 * count }, (_, index) => {
    const own = values.subarray((index >> 1) * size, ((index >> 1) + 1) * size);
    return index % 2 === 0 ? own.reduce((sum, value) => sum + value, 0) / size : own[0];
  });
};
const model = mode.startsWith("onnx") ? await onnxModel(detail) : mode === "identity" ? (values) => values : toy;

function say(header, bytes = new Uint8Array()) {
  stdout.write(`${JSON.stringify(header)}\n`);
  stdout.write(bytes);
}

/** Whether this is the first time, over all runs of the program. */
function once() {
  if (existsSync(marker)) return false;
  writeFileSync(marker, String(pid));
  return true;
}

let questions = 0;

async function answer({ id, input }, bytes) {
  questions++;
  const values = new Float32Array(Uint8Array.from(bytes).buffer);
  const count = input.shape[0];
  const scores = await model(values, input.shape);
  const sides = mode === "identity" ? input.shape.slice(1) : [scores.length / count];
  const output = { shape: [count, ...sides], datatype: "FP32", bytes: scores.byteLength };
  const data = new Uint8Array(scores.buffer, scores.byteOffset, scores.byteLength);
  if (mode === "crash" || (mode === "crash-once" && once()) || (mode === "onnx-crash" && questions === 9 && once())) {
    stderr.write("Segmentation fault\n", () => exit(139));
    return;
  }
  if (mode === "crash-third" && questions === 3) exit(1);
  if (mode === "hang" || (mode === "hang-once" && once())) return;
  if (mode === "stubborn") {
    process.on("SIGTERM", () => {});
    writeFileSync(detail, String(pid));
    setInterval(() => {}, 1000);
    return;
  }
  if (mode === "chatter") stdout.write("Epoch 1: loss 0.5\n");
  if (mode === "endless-chatter") stdout.write("x".repeat(1 << 17));
  if (mode === "error") return say({ id, error: "CUDA out of\nmemory" });
  if (mode === "wrong-id") return say({ id: id + 1, output }, data);
  if (mode === "nan") scores[3] = Number.NaN;
  if (mode === "shape") output.shape = [count + 1, 2];
  if (mode === "short") output.shape = [count, 3];
  if (mode === "datatype") output.datatype = "INT32";
  if (mode === "huge") output.bytes = 2 ** 40;
  if (mode === "twice") say({ id, output }, data);
  if (mode === "pieces") {
    // One byte at a time, so that no read of the other side holds a whole message.
    const whole = Buffer.concat([Buffer.from(`${JSON.stringify({ id, output })}\n`), data]);
    for (const byte of whole) await new Promise((done) => stdout.write(Buffer.of(byte), done));
    return;
  }
  say({ id, output }, data);
}

let buffered = Buffer.alloc(0);
let header = null;
for await (const part of stdin) {
  buffered = Buffer.concat([buffered, part]);
  for (;;) {
    if (header === null) {
      const end = buffered.indexOf(10);
      if (end < 0) break;
      header = JSON.parse(buffered.subarray(0, end).toString());
      buffered = buffered.subarray(end + 1);
    }
    const length = header.input?.bytes ?? 0;
    if (buffered.length < length) break;
    const bytes = buffered.subarray(0, length);
    buffered = buffered.subarray(length);
    if (header.protocol !== undefined) {
      if (mode === "no-model") say({ error: "no weights" });
      else if (mode === "not-ready") say({ ready: "yes" });
      else if (mode === "greeting")
        say({
          ready: true,
          input: { shape },
          runtime: `${JSON.stringify(header)} ${JSON.stringify(env)}`.slice(0, 200),
        });
      else if (mode === "environment")
        say({ ready: true, input: { shape }, runtime: Object.keys(env).sort().join(" ").slice(0, 200) });
      else if (mode === "changing") say({ ready: true, input: { shape }, runtime: once() ? "a" : "b" });
      else if (mode === "classes") say({ ready: true, input: { shape }, classes: ["grey", "first"] });
      else say({ ready: true, input: { shape }, runtime: "toy 1.0" });
    } else {
      await answer(header, bytes);
      if (mode === "changing") exit(1);
    }
    header = null;
  }
}
if (mode === "deaf") {
  writeFileSync(detail, String(pid));
  setInterval(() => {}, 1000);
}
