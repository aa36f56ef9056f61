import { copyFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { ModelAdapter } from "../../src/core/adapter.js";
import { ExitCode, StepwedgeError } from "../../src/core/errors.js";
import { sha256 } from "../../src/core/hash.js";
import type { Model } from "../../src/core/model.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { encodeFrame, FrameReader, NotAFrame } from "../../src/models/command/frames.js";
import { toyImages } from "../support/toy-target.js";

const adapters = await loadPlugins("models");
const PROGRAM = join(process.cwd(), "test", "support", "command-program.mjs");
const images = toyImages({ channels: 1, height: 4, width: 5, maxValue: 255 }, 7, 3);
const truth = Array.from({ length: images.count }, (_, image) => {
  const own = Array.from(images.data.subarray(image * 20, (image + 1) * 20), (value) => Math.fround(value / 255));
  return [own.reduce((sum, value) => sum + value, 0) / 20, own[0] as number].map(Math.fround);
}).flat();

const opened: Model[] = [];
afterEach(async () => {
  for (const model of opened.splice(0)) await model.close();
});

const scratch = () => mkdtempSync(join(tmpdir(), "stepwedge-command-"));

async function openCommand(options: object, classes = ["grey", "first"], id = "command", baseFolder = scratch()) {
  const adapter = adapters.get(id) as ModelAdapter;
  const parameters = adapter.meta.parameters.parse(options);
  const model = (await adapter.open(parameters, { baseFolder, classes, threads: 5 })) as Model;
  opened.push(model);
  return model;
}

const open = (mode: readonly string[], options: object = {}, classes?: string[]) =>
  openCommand({ command: [process.execPath, PROGRAM, ...mode], ...options }, classes);

async function refusal(work: Promise<unknown>): Promise<StepwedgeError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StepwedgeError);
  return error as StepwedgeError;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("answers", () => {
  test.each([
    ["one process", ["ok"], {}],
    ["several processes", ["ok"], { processes: 3, batch: 1 }],
    ["a fixed batch", ["fixed"], {}],
    ["answers that come byte by byte", ["pieces"], { batch: 2 }],
    ["classes by name", ["classes"], {}],
  ])("%s", async (_name, mode, options) => {
    const model = await open(mode, options);
    const [a, b] = await Promise.all([model.predict(images), model.predict(images)]);
    expect([...a.values]).toEqual(truth);
    expect([...b.values]).toEqual(truth);
  });

  test("a class is found by the name that the program gives it", async () => {
    const { values } = await (await open(["classes"], {}, ["first"])).predict(images);
    expect([...values]).toEqual(truth.filter((_, index) => index % 2 === 1));
    const error = await refusal(open(["classes"], {}, ["other"]));
    expect(error.message).toBe('has no class "other"; it names "grey", "first"');
  });

  test("the greeting tells classes, threads and batch; the environment is only what programs need", async () => {
    process.env.STEPWEDGE_TEST_SECRET = "do-not-tell-anyone";
    const greeting = await open(["greeting"], { processes: 2, batch: 8 });
    expect(greeting.meta.runtime).toContain(
      '{"protocol":"stepwedge/1","classes":["grey","first"],"threads":2,"batch":8}',
    );
    const { runtime } = (await open(["environment"])).meta;
    expect(runtime).toContain("PATH");
    expect(runtime).not.toContain("STEPWEDGE");
    const told = await open(["environment"], { environment: ["STEPWEDGE_TEST_SECRET"] });
    expect(told.meta.runtime).toContain("STEPWEDGE_TEST_SECRET");
    expect((await refusal(open(["ok"], { environment: ["STEPWEDGE_NO_SUCH"] }))).message).toContain("is not set");
  });

  test("files of the model are hashed: those in the command, and those listed", async () => {
    const folder = scratch();
    copyFileSync(PROGRAM, join(folder, "model.mjs"));
    writeFileSync(join(folder, "weights.bin"), "weights");
    const options = { command: [process.execPath, "model.mjs", "ok"], files: ["weights.bin"] };
    const model = await openCommand(options, undefined, undefined, folder);
    expect(model.meta.files).toMatchObject({
      "model.mjs": sha256(readFileSync(PROGRAM)),
      "weights.bin": sha256("weights"),
    });
    const absent = openCommand({ ...options, files: ["no.bin"] }, undefined, undefined, folder);
    expect((await refusal(absent)).format()).toContain("no.bin: the model file does not exist");
  });

  test("no shell reads the command", async () => {
    const folder = scratch();
    const command = [process.execPath, PROGRAM, "ok", `$(touch ${folder}/shell)`, "; exit 1", "*"];
    expect([...(await (await openCommand({ command })).predict(images)).values]).toEqual(truth);
    expect(() => readFileSync(join(folder, "shell"))).toThrow();
  });

  test("scores of a program are the local model's, to the last bit", async () => {
    const path = join(process.cwd(), "assets", "demo", "nodule-classifier.onnx");
    const phantoms = toyImages({ channels: 1, height: 64, width: 64, maxValue: 255 }, 20, 11);
    const local = await openCommand({ path, output: { name: "prob" } }, ["nodule"], "onnx");
    const remote = await open(["onnx", path], { processes: 2 }, ["nodule"]);
    expect((await remote.predict(phantoms)).values).toEqual((await local.predict(phantoms)).values);
  });
});

describe("what goes wrong", () => {
  const { incomplete, usage } = ExitCode;

  test.each([
    ["crash-once", {}],
    ["hang-once", { timeout: 1 }],
  ])("%s: the program is started again and asked the same", async (mode, options) => {
    const model = await open([mode, join(scratch(), "marker")], options);
    expect([...(await model.predict(images)).values]).toEqual(truth);
  });

  test("every crash counts against the restarts", async () => {
    const model = await open(["crash-third"], { batch: 1, restarts: 3 });
    expect([...(await model.predict(images)).values]).toEqual(truth);
    const error = await refusal((await open(["crash-third"], { batch: 1, restarts: 2 })).predict(images));
    expect(error).toMatchObject({ message: "ended with exit code 1, after 2 restarts", exitCode: incomplete });
  });

  test.each([
    ["crash", {}, "ended with exit code 139, after 2 restarts", incomplete],
    ["crash", { restarts: 0 }, "ended with exit code 139", incomplete],
    ["hang", { timeout: 0.5, restarts: 1 }, "gave no answer within 0.5 s, after 1 restart", incomplete],
    ["chatter", {}, 'printed to standard output, which carries its answers: "Epoch 1: loss 0.5"', usage],
    ["endless-chatter", {}, "printed to standard output, which carries its answers: a line of more than", usage],
    ["error", {}, "reports: CUDA out of memory", usage],
    ["wrong-id", {}, "answered question 2 where 1 was asked", usage],
    ["nan", {}, "gave NaN for image 2 of 7 asked together", usage],
    ["shape", {}, "gave shape [8,2] for 7 images", usage],
    ["short", {}, "gave 56 bytes; shape [7,3] of FP32 needs 84", usage],
    ["datatype", {}, 'gave "INT32"; scores are FP16, FP32, FP64', usage],
    ["huge", {}, "announces 1099511627776 bytes", usage],
  ])("%s %j", async (mode, options, message, exitCode) => {
    const model = await open([mode], options);
    const error = await refusal(model.predict(images));
    expect(error.message).toContain(message);
    expect(error.exitCode).toBe(exitCode);
    expect(await refusal(model.predict(images))).toBe(error);
  });

  test("the last words on standard error are told", async () => {
    const crashed = await refusal((await open(["crash"], { restarts: 0 })).predict(images));
    expect(crashed.format()).toContain("| mode crash\n  | Segmentation fault");
    const chatter = await refusal((await open(["chatter"])).predict(images));
    expect(chatter.format()).toContain("Print to standard error instead");
  });

  test("what the program may see is not told on", async () => {
    process.env.STEPWEDGE_TEST_SECRET = "do-not-tell-anyone";
    const error = await refusal(open(["no-start"], { environment: ["STEPWEDGE_TEST_SECRET"] }));
    expect(error.format()).toContain("cannot import torch, [STEPWEDGE_TEST_SECRET]");
    expect(error).toMatchObject({ message: "ended with exit code 3", exitCode: usage });
  });

  test.each([
    [["no-such-program-anywhere"], "there is no such program"],
    [["./no-such-program"], "there is no such program"],
    [[process.execPath, PROGRAM, "no-model"], "reports: no weights"],
    [[process.execPath, PROGRAM, "not-ready"], "answered the greeting with"],
    [[process.execPath, "--version"], 'answers: "v'],
  ])("no start: %j", async (command, message) => {
    const error = await refusal(openCommand({ command }));
    expect(error.message).toContain(message);
    expect(error.exitCode).toBe(usage);
  });

  test.each([
    [{ input: { width: 6 } }, "takes width 5; the protocol says 6"],
    [{ output: { select: { grey: 0 } } }, 'has no column for class "first"'],
  ])("no fit: %j", async (options, message) => {
    expect((await refusal(open(["ok"], options))).message).toContain(message);
  });

  test("a program that says something else of itself when started again", async () => {
    const model = await open(["changing", join(scratch(), "marker")], { batch: 4 });
    const error = await refusal(model.predict(images).then(() => model.predict(images)));
    expect(error.message).toContain("when started again");
  });

  test("an answer that nobody asked for", async () => {
    const model = await open(["twice"]);
    const error = await refusal(model.predict(images).then(() => model.predict(images)));
    // As it comes before the next question, or after it.
    expect(error.message).toMatch(/a message that nobody asked for|answered question 1 where 2 was asked/);
  });

  test("one that hangs and does not heed SIGTERM is killed", async () => {
    const marker = join(scratch(), "pid");
    const model = await open(["stubborn", marker], { timeout: 1, restarts: 0 });
    expect((await refusal(model.predict(images))).message).toContain("gave no answer");
    await model.close();
    expect(alive(Number(readFileSync(marker, "utf8")))).toBe(false);
  });

  test("closing in the middle of a question starts nothing again", async () => {
    const marker = join(scratch(), "pid");
    const model = await open(["stubborn", marker], { batch: 1, processes: 2 });
    const predicting = refusal(model.predict(images));
    while (!existsSync(marker)) await new Promise((resolve) => setTimeout(resolve, 20));
    await model.close();
    expect((await predicting).message).toBe("the model was closed");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(alive(Number(readFileSync(marker, "utf8")))).toBe(false);
  });

  test("closing ends one that does not heed the end of its input", async () => {
    const marker = join(scratch(), "pid");
    const model = await open(["deaf", marker]);
    await model.close();
    expect(alive(Number(readFileSync(marker, "utf8")))).toBe(false);
  });
});

describe("messages", () => {
  test("come out as they went in, however the stream is cut", () => {
    const message = fc.record({ id: fc.integer(), data: fc.uint8Array({ maxLength: 40 }) });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
        (all, cuts) => {
          const parts = all.flatMap(({ id, data }) => encodeFrame({ id, output: { bytes: data.length } }, data));
          const stream = Buffer.concat(parts);
          const reader = new FrameReader(1000);
          const read: { id: unknown; data: number[] }[] = [];
          for (let from = 0; from < stream.length; ) {
            const to = from + (cuts.next().value as number);
            for (const { header, bytes } of reader.push(stream.subarray(from, to))) {
              read.push({ id: header.id, data: [...bytes] });
            }
            from = to;
          }
          expect(read).toEqual(all.map(({ id, data }) => ({ id, data: [...data] })));
        },
      ),
    );
  });

  test("any bytes are messages or are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new FrameReader(100).push(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(NotAFrame);
        }
      }),
    );
  });
});
