import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stepwedge, stepwedgeWith } from "../support/cli.js";
import { type Fault, onnxBehind, openInferenceServer } from "../support/open-inference-server.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

const PROGRAM = join(process.cwd(), "test", "support", "command-program.mjs");
const ONNX = /model:\n[\s\S]*?\ndata:/;

/** What a run found, apart from hashes over the protocol, which names the model, and the matrix that cites them. */
function findings(out: string): unknown {
  const hashes = ["protocolSha256", "artifactSha256", "requirements"];
  return JSON.parse(readFileSync(join(out, "findings.json"), "utf8"), (key, value) =>
    hashes.includes(key) ? undefined : value,
  );
}

async function runWith(study: SmallStudy, model: string, name: string, environment = {}, ...options: string[]) {
  study.writeProtocol((yaml) => yaml.replace(ONNX, `model: ${model}\ndata:`));
  const out = join(study.folder, name);
  return { out, ...(await stepwedgeWith(environment, "run", study.protocol, "--out", out, ...options)) };
}

describe("a model elsewhere gives the findings of the same model here", () => {
  let study: SmallStudy;
  let expected: unknown;

  beforeAll(async () => {
    study = await smallStudy();
    const out = join(study.folder, "local");
    expect((await stepwedge("run", study.protocol, "--out", out)).code).toBe(0);
    expected = findings(out);
  });

  test.each(["binary_tensor_data", "none"])("behind a server, extensions: %s", async (extension) => {
    const extensions = [extension];
    const server = await openInferenceServer({
      ...(await onnxBehind(join(study.folder, "linear.onnx"), "prob")),
      extensions,
    });
    const model = `{ adapter: open-inference, url: "${server.url}", name: toy, classes: [finding] }`;
    const dry = await runWith(study, model, "dry", {}, "--dry-run");
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    expect(server.log).toEqual([]);
    const { code, out, stderr } = await runWith(study, model, `server-${extension}`);
    await server.close();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(findings(out)).toEqual(expected);
    expect(JSON.parse(readFileSync(join(out, "provenance.json"), "utf8")).model).toMatchObject({
      adapter: "open-inference",
      runtime: expect.stringContaining("test-server 9.8, model version 1"),
    });
  });

  test("behind a server that is lost in the middle, and resumed", async () => {
    let fault: Fault | null = { kind: "status", status: 503 };
    const server = await openInferenceServer({
      ...(await onnxBehind(join(study.folder, "linear.onnx"), "prob")),
      fault: (request) => (request > 30 ? fault : null),
    });
    const model = `{ adapter: open-inference, url: "${server.url}", name: toy, classes: [finding], retries: 0 }`;
    const lost = await runWith(study, model, "lost");
    expect(lost.code).toBe(4);
    expect(lost.stderr).toContain("answered 503: injected\n  Check the server. What was scored is kept");
    fault = null;
    const resumed = await runWith(study, model, "lost", {}, "--resume");
    await server.close();
    expect(resumed.code).toBe(0);
    expect(findings(resumed.out)).toEqual(expected);
  });

  test("the token goes to the server, and into no file of the record", async () => {
    const token = "t0k3n-of-the-test";
    const server = await openInferenceServer({
      ...(await onnxBehind(join(study.folder, "linear.onnx"), "prob")),
      token,
    });
    const model = `{ adapter: open-inference, url: "${server.url}", name: toy, classes: [finding], tokenVariable: STEPWEDGE_CLI_TOKEN }`;
    const { code, out, stderr, stdout } = await runWith(study, model, "token", { STEPWEDGE_CLI_TOKEN: token });
    await server.close();
    expect(code).toBe(0);
    expect(findings(out)).toEqual(expected);
    expect(stdout + stderr).not.toContain(token);
    const grep = () => execFileSync("grep", ["-r", token, out], { encoding: "utf8" });
    expect(grep).toThrow();
  });

  test.each([1, 2])("in a program, in %i processes", async (processes) => {
    const command = JSON.stringify([process.execPath, PROGRAM, "onnx", "linear.onnx"]);
    const model = `{ adapter: command, command: ${command}, classes: [finding], processes: ${processes} }`;
    const dry = `{ adapter: command, command: ["./no-such-program"], classes: [finding] }`;
    expect((await runWith(study, dry, "dry", {}, "--dry-run")).code).toBe(0);
    const { code, out, stderr } = await runWith(study, model, `program-${processes}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(findings(out)).toEqual(expected);
  });

  test("in a program that crashes on the way, and is started again", async () => {
    const command = JSON.stringify([process.execPath, PROGRAM, "onnx-crash", "linear.onnx", "crashed"]);
    const { code, out } = await runWith(
      study,
      `{ adapter: command, command: ${command}, classes: [finding] }`,
      "crash",
    );
    expect(code).toBe(0);
    expect(existsSync(join(study.folder, "crashed"))).toBe(true);
    expect(findings(out)).toEqual(expected);
  });
});

const numpy = (() => {
  try {
    execFileSync("python3", ["-c", "import numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

(numpy ? test : test.skip)("the example in Python runs, and finds better than chance", async () => {
  const out = mkdtempSync(join(tmpdir(), "stepwedge-python-"));
  rmSync(out, { recursive: true });
  const { code, stderr } = await stepwedge("run", "examples/command-python/audit.yaml", "--out", out);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { model } = JSON.parse(readFileSync(join(out, "provenance.json"), "utf8"));
  expect(model.runtime).toMatch(/^numpy /);
  expect(Object.keys(model.files).sort()).toEqual(["atlas.npy", "model.py"]);
});
