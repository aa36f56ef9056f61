import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stepwedge } from "../support/cli.js";
import { sharedData } from "../support/shared-data.js";

/** The AUC of cxr.onnx itself on the same images. */
const WHOLE_MODEL = 0.898;

const examples = join(process.cwd(), "examples", "cxr-encoder");

describe.each(["knn", "linear-probe"])("%s", (kind) => {
  (sharedData === null ? test.skip : test)(
    "over the layer before cxr.onnx's last tells pneumonia nearly as well as the whole model",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "stepwedge-heads-"));
      const protocol = join(folder, "audit.yaml");
      const text = readFileSync(join(examples, `${kind}.yaml`), "utf8")
        .replaceAll("../../../shared/data", sharedData as string)
        .replace(/attacks:[\s\S]*operatingPoints:/, "operatingPoints:")
        .replace(/ {2}- id: REQ-002[\s\S]*reports: .*/, "reports: [json]");
      writeFileSync(protocol, text);
      const out = join(folder, "record");
      expect(await stepwedge("run", protocol, "--out", out)).toMatchObject({ stderr: "", code: 0 });
      const { findings } = JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as {
        findings: readonly { readonly id: string; readonly estimate: number | null }[];
      };
      const auc = findings.find(({ id }) => id === "discrimination/auc/pneumonia/all/clean")?.estimate;
      expect(auc).toBeGreaterThan(WHOLE_MODEL - 0.03);
      expect(auc).toBeLessThan(WHOLE_MODEL + 0.03);
    },
    60_000,
  );
});
