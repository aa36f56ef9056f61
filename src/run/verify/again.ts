import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadPlugins } from "../../core/plugins.js";
import { findingsText, type Provenance } from "../../core/record.js";
import { VERSION } from "../../core/version.js";
import { bytesOf, derive, renderEach } from "../conclude.js";
import { evaluationDeviations } from "../evaluate.js";
import { explorerText } from "../explorer.js";
import { type EvidenceIndex, readEvidence, SCORES_FOLDER } from "../evidence.js";
import type { Manifest } from "../manifest.js";
import { evaluatedProtocol, FILES, readJson, readProtocolFile } from "../record.js";
import { type Problem, problem } from "./problem.js";

/** What was done again, and what could not be compared. */
export interface Redone {
  readonly problems: readonly Problem[];
  /** Files that came out byte for byte as they lie there. */
  readonly same: readonly string[];
  readonly notes: readonly string[];
}

/** Renders every report of the record again and compares the bytes. Reports of another version are not comparable. */
export async function renderedAgain(out: string, manifest: Manifest): Promise<Redone> {
  const { protocol } = evaluatedProtocol(out);
  const index = readJson<EvidenceIndex>(join(out, SCORES_FOLDER, "index.json"), out);
  const present = [...(await loadPlugins("reports"))].filter(([, { file }]) => Object.hasOwn(manifest.files, file));
  const versionOf = (file: string) => manifest.reports[file] ?? manifest.stepwedge;
  const ours = present.filter(([, { file, madeBy }]) => madeBy === undefined && versionOf(file) === VERSION);
  const renderings = await renderEach(
    out,
    protocol,
    ours.map(([id]) => id),
    index.maxValue,
  );
  const different = renderings.filter(({ file, content }) => !readFileSync(join(out, file)).equals(bytesOf(content)));
  return {
    problems: different.map(({ file }) =>
      problem(file, "report", "is not what the record gives when it is rendered again"),
    ),
    same: renderings.filter((one) => !different.includes(one)).map(({ file }) => file),
    notes: present
      .filter((one) => !ours.includes(one))
      .map(([, { file, madeBy }]) =>
        madeBy === undefined
          ? `${file} was rendered by stepwedge ${versionOf(file)}, and this is ${VERSION}: it was not rendered again. Its hash was checked.`
          : `${file} was made by ${madeBy}, whose versions differ: it was not rendered again. Its hash was checked.`,
      ),
  };
}

/** Does audits and gates again from the score tables and compares findings.json byte for byte. */
export async function recomputed(out: string): Promise<Redone> {
  const { stepwedge, node, packages } = readJson<Provenance>(join(out, FILES.provenance), out);
  if (stepwedge !== VERSION) {
    return {
      problems: [],
      same: [],
      notes: [`The findings are of stepwedge ${stepwedge}, and this is ${VERSION}: they were not computed again.`],
    };
  }
  const { sha256 } = readProtocolFile(out);
  const loaded = evaluatedProtocol(out);
  const { explorer, findings } = await derive({
    out,
    loaded,
    evidence: await readEvidence(out),
    deviations: evaluationDeviations(sha256, loaded.sha256),
  });
  const texts: readonly (readonly [file: string, text: string])[] = [
    [FILES.findings, findingsText(findings)],
    [FILES.explorer, explorerText(explorer)],
  ];
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  const isSame = ([file, text]: (typeof texts)[number]) => readFileSync(join(out, file), "utf8") === text;
  return {
    problems: texts
      .filter((one) => !isSame(one))
      .map(([file]) =>
        problem(
          file,
          "findings",
          `is not what the score tables give when audits and gates are done again (it was made by Node ${node}, ${versions.join(", ")})`,
        ),
      ),
    same: texts.filter(isSame).map(([file]) => file),
    notes: [],
  };
}
