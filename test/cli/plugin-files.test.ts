import { appendFileSync, copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../src/core/hash.js";
import { stepwedge } from "../support/cli.js";
import { filesFor } from "../support/plugin-files.js";
import { smallStudy } from "../support/small-study.js";

const withDenoiser = (path: string) => (yaml: string) =>
  yaml
    .replace(/ {2}- id: wavelet-universal\n.*\n.*\n/, "")
    .replace("operatingPoints:", `defenses:\n  - { id: onnx-denoiser, path: ${path} }\noperatingPoints:`);

test("a file that a defense brings along is part of the study: hashed, and not to be changed on the way", async () => {
  const study = await smallStudy();
  const file = join(study.folder, "denoiser.onnx");
  copyFileSync(filesFor("onnx-denoiser").path ?? "", file);
  study.writeProtocol(withDenoiser("denoiser.onnx"));
  const out = join(study.folder, "out");
  expect(await stepwedge("run", study.protocol, "--out", out)).toMatchObject({ code: 0, stderr: "" });

  const { inputs } = JSON.parse(readFileSync(join(out, "protocol.json"), "utf8")) as { inputs: Record<string, string> };
  expect(inputs["onnx-denoiser.path/denoiser.onnx"]).toBe(sha256(readFileSync(file)));
  expect(JSON.stringify(inputs)).not.toContain(study.folder);

  appendFileSync(file, " ");
  expect(await stepwedge("run", study.protocol, "--out", out, "--resume")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/another version of onnx-denoiser\.path/),
  });
}, 60_000);

test("a file that is not there is named before anything is scored", async () => {
  const study = await smallStudy();
  study.writeProtocol(withDenoiser("nowhere.onnx"));
  expect(await stepwedge("run", study.protocol, "--out", join(study.folder, "out"))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/onnx-denoiser\.path.*nowhere\.onnx/s),
  });
});
