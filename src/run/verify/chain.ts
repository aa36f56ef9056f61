import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync } from "hyparquet";
import type { z } from "zod";
import { canonicalJson } from "../../core/hash.js";
import type { Findings, Provenance } from "../../core/record.js";
import { VERSION } from "../../core/version.js";
import { differences } from "../../protocol/difference.js";
import { type EvidenceIndex, SCORES_FOLDER } from "../evidence.js";
import { findingsSchema } from "../findings-schema.js";
import { ARTIFACTS_FOLDER } from "../fitting.js";
import { overallVerdict } from "../gates.js";
import { lockProvenance, lockState } from "../locking.js";
import type { Manifest } from "../manifest.js";
import { FILES, type ProtocolFile, readHashedProtocol, readJson, readProtocolFile, readRecordLock } from "../record.js";
import { provenanceSchema } from "../record-schemas.js";
import { predictionKey } from "../run.js";
import { type Statement, statementOf } from "../statement.js";
import { guarded, type Problem, problem } from "./problem.js";

/** Whether the files of a record belong together: whoever changes one and hashes it anew must change all that name it. */
export async function checkChain(out: string, manifest: Manifest, statement: Statement | null): Promise<Problem[]> {
  const checks: [string, () => readonly Problem[] | Promise<readonly Problem[]>][] = [
    [FILES.protocol, () => checkProtocols(out, manifest)],
    [FILES.lock, () => checkLock(out)],
    [FILES.findings, () => checkFindings(out, manifest)],
    [FILES.provenance, () => checkProvenance(out)],
    [`${SCORES_FOLDER}/index.json`, () => checkScores(out)],
    [FILES.signature, () => (statement === null ? [] : checkStatement(out, statement))],
  ];
  const problems: Problem[] = [];
  for (const [file, check] of checks) problems.push(...(await guarded(out, file, check)));
  return problems;
}

function differ(file: string, message: string, expected: string | null, found: string | null): Problem[] {
  return expected === found ? [] : [problem(file, "contradiction", message, { expected, found })];
}

const readFindings = (out: string) => readJson<Findings>(join(out, FILES.findings), out);
const readProvenance = (out: string) => readJson<Provenance>(join(out, FILES.provenance), out);
const readIndex = (out: string) => readJson<EvidenceIndex>(join(out, SCORES_FOLDER, "index.json"), out);

/** The protocol of the findings: that of the run, or, where they name another, that of the evaluation. */
function protocolOfFindings(out: string, scored: ProtocolFile): ProtocolFile {
  return existsSync(join(out, FILES.evaluated)) ? readHashedProtocol(out, FILES.evaluated) : scored;
}

function checkProtocols(out: string, manifest: Manifest): Problem[] {
  const scored = readProtocolFile(out);
  const evaluated = protocolOfFindings(out, scored);
  const named = readFindings(out).protocolSha256;
  return [
    ...differ(FILES.manifest, "names another protocol than protocol.json", scored.sha256, manifest.protocolSha256),
    ...differ(FILES.manifest, "names another protocol than findings.json", named, manifest.findingsProtocolSha256),
    ...differ(
      FILES.findings,
      evaluated === scored
        ? "names another protocol than protocol.json, and there is no protocol.evaluated.json"
        : "names another protocol than protocol.evaluated.json",
      evaluated.sha256,
      named,
    ),
  ];
}

function checkLock(out: string): Problem[] {
  const scored = readProtocolFile(out);
  const lock = readRecordLock(out, scored);
  if (lock === null && existsSync(join(out, FILES.lock))) {
    return [problem(FILES.lock, "contradiction", "is there, though protocol.json says that there was no lock")];
  }
  const findings = readFindings(out);
  const said = findings.lock;
  const state = lockState(lock, { scored, evaluated: protocolOfFindings(out, scored) });
  const byWhom = readProvenance(out).lock;
  return [
    ...(said === undefined ? [] : sameValue(FILES.findings, "lock", state, said)),
    ...(byWhom === undefined ? [] : sameValue(FILES.provenance, "lock", lockProvenance(lock), byWhom)),
  ];
}

/** Problems for the parts of a value that are not what another file makes them. */
function sameValue(file: string, path: string, expected: unknown, found: unknown): Problem[] {
  return differences({ [path]: expected }, { [path]: found }).map(({ path: at, before, after }) =>
    problem(file, "contradiction", `says otherwise of ${at} than the rest of the record`, {
      expected: before,
      found: after,
    }),
  );
}

function checkFindings(out: string, { files }: Manifest): Problem[] {
  const findings = readFindings(out);
  const malformed = formFault(findingsSchema, findings, FILES.findings);
  if (malformed !== null) return [malformed];
  const artifacts = new Set(
    Object.entries(files).flatMap(([name, hash]) => (name.startsWith(`${ARTIFACTS_FOLDER}/`) ? [hash] : [])),
  );
  const named = [...findings.attacks, ...findings.trainings].flatMap(({ artifactSha256 }) => artifactSha256 ?? []);
  return [
    ...differ(FILES.findings, "its verdict is not that of its gates", overallVerdict(findings.gates), findings.verdict),
    ...named
      .filter((hash) => !artifacts.has(hash))
      .map((hash) =>
        problem(FILES.findings, "contradiction", `names an artifact that is not in ${ARTIFACTS_FOLDER}/`, {
          expected: hash,
        }),
      ),
  ];
}

function checkProvenance(out: string): Problem[] {
  const provenance = readProvenance(out);
  const malformed = formFault(provenanceSchema, provenance, FILES.provenance);
  if (malformed !== null) return [malformed];
  const scored = readProtocolFile(out);
  const index = readIndex(out);
  const read = { ...provenance.data.files, ...provenance.model.files };
  return [
    ...Object.entries(read).flatMap(([name, hash]) =>
      Object.hasOwn(scored.inputs, name)
        ? differ(FILES.provenance, `names another ${name} than protocol.json`, scored.inputs[name] ?? null, hash)
        : [],
    ),
    ...sameValue(FILES.provenance, "model", index.model, provenance.model),
    ...sameValue(
      FILES.provenance,
      "data",
      { ...index.data, imagesSha256: index.imagesSha256, images: index.images },
      provenance.data,
    ),
    ...differ(
      FILES.provenance,
      "its seed is not that of the protocol",
      String(scored.protocol.seed),
      String(provenance.seed),
    ),
  ];
}

function formFault(schema: z.ZodType, value: unknown, file: string): Problem | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return null;
  const issue = parsed.error.issues[0];
  return problem(
    file,
    "unreadable",
    `does not have the form of its schema: ${issue?.path.join(".")}: ${issue?.message}`,
  );
}

/** Every score table bears the key of the protocol and the inputs that it was made by. */
async function checkScores(out: string): Promise<Problem[]> {
  const folder = join(out, SCORES_FOLDER);
  const { key } = readIndex(out);
  const { protocol, inputs, stepwedge } = readProtocolFile(out);
  const problems: Problem[] = [];
  // What goes into the key is known of this version only.
  if (stepwedge === VERSION) {
    const wanted = predictionKey(protocol, inputs, stepwedge);
    problems.push(
      ...differ(
        `${SCORES_FOLDER}/index.json`,
        "was made by another protocol or other inputs than protocol.json",
        wanted,
        key,
      ),
    );
  }
  for (const name of readdirSync(folder)
    .filter((one) => one.endsWith(".parquet"))
    .sort()) {
    const file = `${SCORES_FOLDER}/${name}`;
    const found = await tableKey(join(folder, name));
    problems.push(
      ...differ(file, `was made by another protocol or other inputs than ${SCORES_FOLDER}/index.json`, key, found),
    );
  }
  return problems;
}

async function tableKey(path: string): Promise<string | null> {
  try {
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
    return metadata.key_value_metadata?.find((entry) => entry.key === "key")?.value ?? null;
  } catch {
    return null;
  }
}

/** What the signers signed, against what the record says. */
function checkStatement(out: string, signed: Statement): Problem[] {
  const now = statementOf(out);
  if (canonicalJson(now) === canonicalJson(signed)) return [];
  return differences(signed, now).map(({ path, before, after }) =>
    problem(FILES.signature, "contradiction", `the signed statement says otherwise of ${path} than the record`, {
      expected: before,
      found: after,
    }),
  );
}

/** The manifest as it lies there; null where it cannot be read. */
export function manifestBytes(out: string): Buffer | null {
  try {
    return readFileSync(join(out, FILES.manifest));
  } catch {
    return null;
  }
}
