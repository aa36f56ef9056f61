import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

/*
 * The GitHub action and the GitLab template, their steps run as their runners run them: bash, an empty folder of work,
 * inputs by the environment. What other people's actions do (set up Node, upload) is theirs, and not run.
 */

interface Step {
  readonly id?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}
interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}
const action = parse(readFileSync(join(PACKAGE_ROOT, "action.yml"), "utf8")) as Action;
const gitlab = parse(readFileSync(join(PACKAGE_ROOT, "examples", "ci", "gitlab.yml"), "utf8"));

const GATES = {
  pass: "  - { id: G1, metric: auc, bound: estimate, atLeast: 0.6 }\n",
  fail: "  - { id: G1, title: 'No: 100%, never', metric: auc, bound: estimate, atLeast: 0.9999 }\n",
  inconclusive: "",
} as const;
const CODES = { pass: 0, fail: 1, inconclusive: 3 } as const;

async function studyOf(verdict: keyof typeof GATES): Promise<SmallStudy> {
  const study = await smallStudy();
  study.writeProtocol((yaml) =>
    yaml
      .replace(/attacks:\n(?: .*\n)+/, "")
      .replace(/gates:\n.*\n/, GATES[verdict] === "" ? "" : `gates:\n${GATES[verdict]}`),
  );
  return study;
}

function bash(
  script: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    // As GitHub starts a step with `shell: bash`.
    const options = { cwd, env: { ...process.env, ...env } };
    execFile("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Runs the action's own steps from `audit` on, with outputs and summary in files as on a runner. */
async function runAction(folder: string, inputs: Readonly<Record<string, string>>) {
  const runner = mkdtempSync(join(tmpdir(), "stepwedge-runner-"));
  const outputs = join(runner, "output");
  const summary = join(runner, "summary.md");
  writeFileSync(outputs, "");
  writeFileSync(summary, "");
  const resolved = (expression: string) =>
    expression.replace(/\$\{\{ (.*?) \}\}/g, (_, name: string) => {
      if (name === "github.action_path") return PACKAGE_ROOT;
      const input = /^inputs\.(.+)$/.exec(name)?.[1];
      if (input !== undefined) return inputs[input] ?? (action.inputs[input]?.default as string);
      const output = /^steps\.audit\.outputs\.(.+)$/.exec(name)?.[1];
      if (output !== undefined) return outputOf(output);
      throw new Error(`no such context: ${name}`);
    });
  const outputOf = (name: string) =>
    readFileSync(outputs, "utf8")
      .split("\n")
      .findLast((line) => line.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? "";
  let log = "";
  let code = 0;
  for (const id of ["audit", "gate"]) {
    const step = action.runs.steps.find((one) => one.id === id) as Step;
    const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([key, value]) => [key, resolved(value)]));
    const ended = await bash(step.run as string, folder, {
      ...env,
      GITHUB_OUTPUT: outputs,
      GITHUB_STEP_SUMMARY: summary,
    });
    log += ended.stdout + ended.stderr;
    code = ended.code;
  }
  return { code, log, verdict: outputOf("verdict"), summary: readFileSync(summary, "utf8") };
}

describe("action.yml", () => {
  test.each(["pass", "fail", "inconclusive"] as const)("a model that deserves %s", async (verdict) => {
    const { folder } = await studyOf(verdict);
    const ended = await runAction(folder, { protocol: "audit.yaml" });
    expect({ code: ended.code, verdict: ended.verdict }).toEqual({ code: CODES[verdict], verdict });
    expect(ended.summary).toContain("## Small study: ");
    expect(existsSync(join(folder, "stepwedge-record", "results.sarif"))).toBe(true);
    if (verdict === "fail") {
      const line = readFileSync(join(folder, "audit.yaml"), "utf8")
        .split("\n")
        .findIndex((text) => text.includes("G1"));
      expect(ended.log).toContain(`::error file=audit.yaml,line=${line + 1},title=G1 fail::No: 100%25, never: `);
      expect(ended.summary).toContain("FAIL");
    } else expect(ended.log).not.toContain("::error");
  });

  test("an inconclusive verdict may be let pass with a warning, a failed gate may not", async () => {
    const study = await studyOf("inconclusive");
    expect((await runAction(study.folder, { inconclusive: "warn" })).code).toBe(0);
    const failing = await studyOf("fail");
    expect((await runAction(failing.folder, { inconclusive: "warn" })).code).toBe(1);
  });

  test("an audit that cannot run is an error with its exit code, and no verdict", async () => {
    const study = await studyOf("pass");
    study.writeProtocol((yaml) => yaml.replace("seed: 5", "seed: five"));
    const ended = await runAction(study.folder, {});
    expect({ code: ended.code, verdict: ended.verdict }).toEqual({ code: 2, verdict: "" });
    expect(ended.log).toContain("::error title=Stepwedge did not finish::exit code 2");
  });

  test("names of files are no commands", async () => {
    const study = await studyOf("pass");
    const record = "a b; touch broken $(touch broken) `touch broken`";
    expect((await runAction(study.folder, { record })).code).toBe(0);
    expect(existsSync(join(study.folder, "broken"))).toBe(false);
    expect(existsSync(join(study.folder, record, "report.html"))).toBe(true);
  });

  test("no input is put into a script's text", () => {
    for (const step of action.runs.steps) expect(step.run ?? "").not.toContain("${{");
  });
});

describe("examples/ci/gitlab.yml", () => {
  test.each(["pass", "fail", "inconclusive"] as const)("a model that deserves %s", async (verdict) => {
    const { folder } = await studyOf(verdict);
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const main = join(PACKAGE_ROOT, "dist", "src", "cli", "main.js");
    writeFileSync(join(bin, "stepwedge"), `#!/bin/sh\nexec node "${main}" "$@"\n`, { mode: 0o755 });
    const env = { ...gitlab.variables, PATH: `${bin}${delimiter}${process.env.PATH}` };
    const { code } = await bash(gitlab.audit.script.join("\n"), folder, env);
    expect(code).toBe(CODES[verdict]);
    for (const path of [...gitlab.audit.artifacts.paths, gitlab.audit.artifacts.reports.junit])
      expect(existsSync(join(folder, path))).toBe(true);
  });
});
