import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelAdapter } from "../../src/core/adapter.js";
import { ExitCode, StepwedgeError } from "../../src/core/errors.js";
import type { Model } from "../../src/core/model.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { decodeImage } from "../../src/image/decode.js";
import {
  type Fault,
  onnxBehind,
  openInferenceServer,
  type ServerOptions,
  type TestServer,
} from "../support/open-inference-server.js";
import { sharedData } from "../support/shared-data.js";
import { toyImages } from "../support/toy-target.js";

const adapters = await loadPlugins("models");
const real = sharedData === null ? test.skip : test;
const TOKEN = "s3cr3t-t0k3n";
process.env.STEPWEDGE_TEST_TOKEN = TOKEN;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function serve(options: ServerOptions): Promise<TestServer> {
  const server = await openInferenceServer(options);
  cleanups.push(server.close);
  return server;
}

async function openAs(id: string, options: object, classes: readonly string[]): Promise<Model> {
  const adapter = adapters.get(id) as ModelAdapter;
  const parameters = adapter.meta.parameters.parse(options);
  const model = (await adapter.open(parameters, { baseFolder: "/", classes, threads: 1 })) as Model;
  cleanups.push(model.close);
  return model;
}

const open = (server: TestServer, options: object = {}, classes: readonly string[] = ["grey", "first"]) =>
  openAs("open-inference", { url: server.url, name: "toy", ...options }, classes);

async function refusal(work: Promise<unknown>): Promise<StepwedgeError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StepwedgeError);
  expect((error as StepwedgeError).format()).not.toContain(TOKEN);
  return error as StepwedgeError;
}

/** Two scores of an image: its mean, and its first value. */
const toy: ServerOptions = {
  inputs: [{ name: "image", datatype: "FP32", shape: [-1, 1, 4, 5] }],
  outputs: [{ name: "scores", datatype: "FP32", shape: [-1, 2] }],
  run: ({ shape, values }) =>
    Array.from({ length: shape[0] as number }, (_, image) => {
      const own = values.subarray(image * 20, (image + 1) * 20);
      return [own.reduce((sum, value) => sum + value, 0) / 20, own[0] as number];
    }),
};
const images = toyImages({ channels: 1, height: 4, width: 5, maxValue: 255 }, 7, 3);

/** What the toy model says of an image, as FP32. */
const truth = Array.from({ length: images.count }, (_, image) => {
  const own = Array.from(images.data.subarray(image * 20, (image + 1) * 20), (value) => Math.fround(value / 255));
  return [own.reduce((sum, value) => sum + value, 0) / 20, own[0] as number].map(Math.fround);
}).flat();

describe("answers", () => {
  test.each(["binary", "json"] as const)(
    "%s: every image's, in order, in parts of at most `batch`",
    async (tensors) => {
      const extensions = tensors === "binary" ? ["binary_tensor_data"] : [];
      const server = await serve({ ...toy, extensions });
      const model = await open(server, { batch: 3 });
      const { count, values } = await model.predict(images);
      expect(count).toBe(7);
      expect([...values]).toEqual(truth);
      expect(server.inferences.map(({ json }) => json.inputs[0]?.shape[0])).toEqual([1, 3, 3, 1]);
      expect(server.inferences[1]?.headers["content-type"]).toBe(
        tensors === "binary" ? "application/octet-stream" : "application/json",
      );
      expect(model.meta.runtime).toBe(
        `test-server 9.8, model version 1, ${tensors === "binary" ? "binary" : "JSON"} tensors of FP32`,
      );
      expect(server.log.slice(0, 4)).toEqual([
        "GET /v2/health/live",
        "GET /v2",
        "GET /v2/models/toy/ready",
        "GET /v2/models/toy",
      ]);
    },
  );

  test("a fixed batch is filled up, and the filling's answers are thrown away", async () => {
    const server = await serve({ ...toy, inputs: [{ name: "image", datatype: "FP32", shape: [4, 1, 4, 5] }] });
    const { values } = await (await open(server)).predict(images);
    expect([...values]).toEqual(truth);
    expect(server.inferences.map(({ json }) => json.inputs[0]?.shape[0])).toEqual([4, 4, 4]);
  });

  test("columns are selected after the activation", async () => {
    const server = await serve(toy);
    const model = await open(server, { activation: "softmax", output: { select: { only: 1 } } }, ["only"]);
    const { values } = await model.predict(images);
    const softmax = Array.from({ length: 7 }, (_, i) => {
      const [a = 0, b = 0] = truth.slice(2 * i, 2 * i + 2).map(Math.exp);
      return b / (a + b);
    });
    for (const [index, value] of values.entries()) expect(value).toBeCloseTo(softmax[index] as number, 14);
  });

  test.each(["FP16", "UINT8", "INT64"])("images as %s", async (datatype) => {
    const server = await serve({
      ...toy,
      inputs: [{ name: "image", datatype, shape: [-1, 1, 4, 5] }],
      run: ({ shape, values }) =>
        Array.from({ length: shape[0] as number }, (_, image) => [0, (values[20 * image] as number) / 255]),
    });
    const { values } = await (await open(server, { input: { range: [0, 255] } })).predict(images);
    expect(values.filter((_, index) => index % 2 === 1)).toEqual(
      Float64Array.from({ length: 7 }, (_, image) => Math.fround((images.data[20 * image] as number) / 255)),
    );
  });

  test("no more requests at once than `concurrency`, over all batches", async () => {
    const server = await serve({ ...toy, fault: (n) => (n > 1 ? { kind: "slow", ms: 30 } : null) });
    const model = await open(server, { batch: 1, concurrency: 3 });
    const [a, b] = await Promise.all([model.predict(images), model.predict(images)]);
    expect([...a.values]).toEqual(truth);
    expect([...b.values]).toEqual(truth);
    expect(server.busiest()).toBe(3);
    expect(server.inferences.length).toBe(15);
  });

  test("a server that says nothing of its model is told by the protocol", async () => {
    const server = await serve({
      ...toy,
      statuses: { "/v2": 404, "/v2/health/live": 404, "/v2/models/toy": 501, "/v2/models/toy/ready": 404 },
    });
    expect((await refusal(open(server))).format()).toContain("Set model.input.name, width, height and channels.");
    const model = await open(server, { input: { name: "image", channels: 1, height: 4, width: 5 }, tensors: "binary" });
    expect([...(await model.predict(images)).values]).toEqual(truth);
    expect(model.meta.runtime).toContain("unnamed server ?");
  });

  test("the model's hash is that of what the server says of it", async () => {
    const hash = async (changes: Partial<ServerOptions>, options: object = {}) =>
      Object.entries((await open(await serve({ ...toy, ...changes }), options)).meta.files);
    const [[name, first] = []] = await hash({});
    expect(name).toBe("toy (metadata)");
    expect(await hash({})).toEqual([[name, first]]);
    expect(await hash({ version: "2" })).not.toEqual([[name, first]]);
    expect(await hash({ outputs: [{ name: "scores", datatype: "FP32", shape: [-1, 3] }] })).not.toEqual([
      [name, first],
    ]);
  });
});

/** Faults of the requests from the second on; the first is the client's own. */
const from = (request: number, to: number, fault: Fault) => (n: number) => (n >= request && n <= to ? fault : null);

describe("faults that pass are tried again", () => {
  const cases: readonly [string, Fault, object][] = [
    ["503", { kind: "status", status: 503 }, {}],
    ["429 with Retry-After", { kind: "status", status: 429, headers: { "Retry-After": "1" } }, {}],
    ["a connection that ends in the middle of the answer", { kind: "drop" }, {}],
    ["an answer that is shorter than announced", { kind: "length", by: 10 }, {}],
    ["no answer in time", { kind: "slow", ms: 700 }, { timeout: 0.3 }],
  ];
  test.each(cases)("%s", async (name, fault, options) => {
    const server = await serve({ ...toy, fault: from(2, 2, fault) });
    const model = await open(server, options);
    const start = performance.now();
    expect([...(await model.predict(images)).values]).toEqual(truth);
    const waited = performance.now() - start;
    expect(server.inferences.length).toBe(3);
    expect(waited).toBeGreaterThan(name.startsWith("429") ? 990 : 490);
  });

  test.each([
    ["503", { kind: "status", status: 503, error: "queue is full" }, "answered 503: queue is full, 2 times in a row"],
    ["a lost connection", { kind: "drop" }, "the connection was lost (ECONNRESET), 2 times in a row"],
    ["no answer in time", { kind: "slow", ms: 700 }, "no answer within 0.3 s, 2 times in a row"],
  ] as const)("%s to the end is a fault of the infrastructure", async (_name, fault, message) => {
    const server = await serve({ ...toy, fault: from(2, 99, fault) });
    const model = await open(server, { retries: 1, timeout: 0.3 });
    const error = await refusal(model.predict(images));
    expect(error).toMatchObject({ message, exitCode: ExitCode.incomplete });
    expect(error.format()).toContain("--resume");
    expect(server.inferences.length).toBe(3);
    // What follows is not tried for as long again.
    expect(await refusal(model.predict(images))).toBe(error);
    expect(server.inferences.length).toBe(3);
  });

  test("a closed model asks nothing more, and waits for nothing", async () => {
    const server = await serve({ ...toy, fault: from(2, 99, { kind: "slow", ms: 3000 }) });
    const model = await open(server, { batch: 1, concurrency: 2 });
    const start = performance.now();
    const predicting = refusal(model.predict(images));
    while (server.inferences.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    await model.close();
    expect((await predicting).message).toBe("the model was closed");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.inferences.length).toBe(3);
    expect(performance.now() - start).toBeLessThan(2000);
    expect((await refusal(model.predict(images))).message).toBe("the model was closed");
  });

  test("nobody there", async () => {
    const server = await serve(toy);
    await server.close();
    const error = await refusal(open(server, { retries: 1 }));
    expect(error).toMatchObject({
      message: "the connection was refused (ECONNREFUSED), 2 times in a row",
      exitCode: ExitCode.incomplete,
    });
  });
});

describe("faults that stay are not tried again", () => {
  const status = (code: number, more: object = {}): Fault => ({ kind: "status", status: code, ...more });
  const change = (edit: (output: Record<string, unknown>) => void): Fault => ({
    kind: "json",
    change: (response) => edit(response.outputs[0] as unknown as Record<string, unknown>),
  });
  const { incomplete, usage } = ExitCode;
  const cases: readonly [string, Fault, string, ExitCode][] = [
    ["500", status(500, { error: "CUDA out of memory" }), "answered 500: CUDA out of memory", incomplete],
    ["400", status(400, { error: "unexpected shape" }), "answered 400: unexpected shape", usage],
    ["401", status(401, { error: "who are you" }), "answered 401: who are you", usage],
    ["404", status(404), "answered 404: injected", usage],
    [
      "a redirection",
      status(307, { headers: { Location: "http://elsewhere/" } }),
      "redirects to http://elsewhere/",
      usage,
    ],
    ["garbage", { kind: "raw", body: "<html>hello" }, 'not a JSON object: "<html>hello"', incomplete],
    ["another object", { kind: "raw", body: "{}" }, "answered without outputs: {}", incomplete],
    ["text that commands a terminal", status(400, { error: "\u001b[2Jx" }), "answered 400: [2Jx", usage],
    [
      "compression",
      { kind: "raw", body: "x", headers: { "Content-Encoding": "gzip" } },
      'content encoding "gzip"',
      incomplete,
    ],
    [
      "a wrong shape",
      change((output) => {
        output.shape = [2, 7];
      }),
      "gave shape [2,7] for 7 images",
      usage,
    ],
    [
      "a huge shape",
      change((output) => {
        output.shape = [7, 2 ** 40];
      }),
      "gave 56 bytes; its shape and FP32 need",
      incomplete,
    ],
    [
      "a wrong datatype",
      change((output) => {
        output.datatype = "FP64";
      }),
      "the model's metadata say FP32",
      usage,
    ],
    [
      "a missing output",
      change((output) => {
        output.name = "x";
      }),
      'answered without output "scores"',
      usage,
    ],
    [
      "NaN",
      { kind: "values", change: (v) => v.fill(Number.NaN, 3, 4) },
      "gave NaN for image 2 of 7 asked together",
      usage,
    ],
    [
      "infinity",
      { kind: "values", change: (v) => v.fill(Number.POSITIVE_INFINITY, 13) },
      "gave Infinity for image 7",
      usage,
    ],
    [
      "an answer longer than announced",
      { kind: "length", by: -10 },
      "announces 56 bytes of tensors; 46 follow",
      incomplete,
    ],
  ];
  test.each(cases)("%s", async (_name, fault, message, exitCode) => {
    const server = await serve({ ...toy, fault: from(2, 99, fault) });
    const error = await refusal((await open(server)).predict(images));
    expect(error.message).toContain(message);
    expect(error.exitCode).toBe(exitCode);
    expect(server.inferences.length).toBe(2);
  });

  test("another version in the middle of a run", async () => {
    const fault: Fault = { kind: "json", change: (response) => ({ ...response, model_version: "2" }) };
    const server = await serve({ ...toy, fault: from(2, 99, fault) });
    const error = await refusal((await open(server)).predict(images));
    expect(error.message).toBe("version 2 answered; the run began with version 1");
  });

  test.each([
    [{ "/v2/models/toy/ready": 400 }, "the model is not ready", incomplete],
    [{ "/v2/models/toy/ready": 503 }, "answered 503: status 503", incomplete],
    [{ "/v2/models/toy": 404, "/v2/models/toy/ready": 404 }, "answered 404: status 404", usage],
    [{ "/v2/health/live": 500 }, "answered 500: status 500", incomplete],
  ])("a server of statuses %j", async (statuses, message, exitCode) => {
    const error = await refusal(open(await serve({ ...toy, statuses }), { retries: 0 }));
    expect(error.message).toBe(message);
    expect(error.exitCode).toBe(exitCode);
  });

  test.each([
    [{ inputs: [{ name: "a", datatype: "BYTES", shape: [-1] }] }, {}, 'takes "BYTES"'],
    [{ inputs: [{ name: "a", datatype: "FP32", shape: [-1, 20] }] }, {}, "takes a tensor of shape [-1, 20]"],
    [{ inputs: [{ name: "a", datatype: "FP32", shape: [-1, 1, -1, 5] }] }, {}, "leaves height open"],
    [{}, { input: { width: 6 } }, "takes width 5; the protocol says 6"],
    [{}, { input: { datatype: "UINT8" } }, "takes FP32; the protocol says UINT8"],
    [{}, { input: { name: "x" } }, 'has no input "x"'],
    [{}, { output: { name: "x" } }, 'has no output "x"'],
    [{ outputs: [...toy.outputs, ...toy.outputs] }, {}, "has 2 outputs"],
    [{ outputs: [{ name: "a", datatype: "INT64", shape: [-1] }] }, {}, 'output "a" is "INT64"'],
    [{ run: () => [[1, 2, 3]] }, {}, "gives 3 scores per image; the protocol names 2 classes"],
  ])("what does not fit is refused before the run: %j %j", async (changes, options, message) => {
    const error = await refusal(open(await serve({ ...toy, ...changes }), options));
    expect(error.message).toContain(message);
    expect(error.exitCode).toBe(usage);
  });
});

describe("the token", () => {
  const tokenVariable = "STEPWEDGE_TEST_TOKEN";

  test("goes to the server and stands nowhere else", async () => {
    const server = await serve({ ...toy, token: TOKEN });
    const model = await open(server, { tokenVariable });
    expect([...(await model.predict(images)).values]).toEqual(truth);
    expect(JSON.stringify(model.meta)).not.toContain(TOKEN);
    expect((await refusal(open(server))).remedy).toContain("model.tokenVariable");
  });

  test("is not shown where the server echoes it", async () => {
    const server = await serve({ ...toy, token: "another" });
    const error = await refusal(open(server, { tokenVariable }));
    expect(error.format()).toContain("answered 401: not for Bearer [token]");
    const echo = await serve({ ...toy, token: TOKEN, fault: from(2, 9, { kind: "raw", body: `"${TOKEN}"` }) });
    expect((await refusal((await open(echo, { tokenVariable })).predict(images))).message).toContain("[token]");
  });

  test("does not leave the machine unencrypted, unless that is wanted", async () => {
    const adapter = (url: string, more: object = {}) =>
      refusal(openAs("open-inference", { url, name: "toy", tokenVariable, retries: 0, timeout: 1, ...more }, ["a"]));
    expect((await adapter("http://192.0.2.1:8000")).message).toBe(
      "would send the token of STEPWEDGE_TEST_TOKEN unencrypted to 192.0.2.1:8000",
    );
    expect((await adapter("http://127.0.0.1.example.invalid")).message).toContain("unencrypted");
    expect((await adapter("http://192.0.2.1:8000", { tokenInClear: true })).message).not.toContain("unencrypted");
  });

  test("must be there and be a token; addresses hold none", async () => {
    const adapter = (options: object) => refusal(openAs("open-inference", { name: "toy", ...options }, ["a"]));
    const url = "http://127.0.0.1:1";
    expect((await adapter({ url, tokenVariable: "STEPWEDGE_NO_SUCH" })).message).toContain("is not set");
    process.env.STEPWEDGE_ODD = `${TOKEN}\r\nX: y`;
    expect((await adapter({ url, tokenVariable: "STEPWEDGE_ODD" })).message).toContain("holds characters");
    const address = await adapter({ url: `https://me:${TOKEN}@host` });
    expect(address.message).toBe("holds a user name or password");
    expect((await adapter({ url: `ftp://me:${TOKEN}@host` })).message).toContain("http:// or https://");
    expect((await adapter({ url: "https://host/?a=b" })).message).toContain("query");
  });
});

const openssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

(openssl ? test : test.skip)("a certificate is trusted by model.ca only", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-tls-"));
  const path = (name: string) => join(folder, name);
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  execFileSync("openssl", [...make, ...subject, "-keyout", path("key.pem"), "-out", path("cert.pem")], {
    stdio: "ignore",
  });
  const tls = { key: readFileSync(path("key.pem"), "utf8"), cert: readFileSync(path("cert.pem"), "utf8") };
  const server = await serve({ ...toy, tls, token: TOKEN });
  const tokenVariable = "STEPWEDGE_TEST_TOKEN";
  const model = await open(server, { ca: path("cert.pem"), tokenVariable });
  expect([...(await model.predict(images)).values]).toEqual(truth);
  const error = await refusal(open(server, { tokenVariable }));
  expect(error.message).toContain("the server's certificate is not trusted");
  expect(error.remedy).toContain("model.ca");
  expect(server.log.length).toBe(6); // Nothing was said to a server that is not trusted.
  writeFileSync(path("empty.pem"), "nothing");
  expect((await refusal(open(server, { ca: path("empty.pem") }))).message).toBe("holds no certificate");
});

async function expectEqualAnswers(path: string, options: object, output: string, batch: PixelBatch, classes: string[]) {
  const local = await (await openAs("onnx", { path, ...options }, classes)).predict(batch);
  for (const extensions of [["binary_tensor_data"], []]) {
    const server = await serve({ ...(await onnxBehind(path, output)), extensions });
    const remote = await (await open(server, options, classes)).predict(batch);
    expect([...remote.values]).toEqual([...local.values]);
  }
  expect(new Set(local.values).size).toBeGreaterThan(batch.count / 2);
}

test("scores through a server are the local model's, to the last bit", async () => {
  const path = join(process.cwd(), "assets", "demo", "nodule-classifier.onnx");
  const adapter = await openAs("onnx", { path, output: { name: "prob" } }, ["nodule"]);
  const { channels, height, width } = adapter.meta.input;
  const batch = toyImages({ channels, height, width, maxValue: 255 }, 20, 11);
  await expectEqualAnswers(path, { output: { name: "prob" } }, "prob", batch, ["nodule"]);
});

real("scores of real X-rays through a server are the local model's, to the last bit", async () => {
  const folder = join(sharedData ?? "", "cxr-nih-160");
  const rows = readFileSync(join(folder, "manifest.csv"), "utf8").split("\n");
  const column = (rows[0] ?? "").split(",").indexOf("path");
  const paths = rows.slice(1, 21).map((row) => row.split(",")[column] as string);
  const data = new Float32Array(20 * 160 * 160);
  for (const [index, path] of paths.entries()) {
    data.set((await decodeImage(readFileSync(join(folder, path)), path)).data, index * 160 * 160);
  }
  const batch = { data, count: 20, channels: 1, height: 160, width: 160, maxValue: 255 };
  const model = join(sharedData ?? "", "models", "cxr.onnx");
  const options = { output: { name: "prob", select: { pneumonia: 0 } } };
  await expectEqualAnswers(model, options, "prob", batch, ["pneumonia"]);
});
