import type { KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, StepwedgeError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import { LINEAGES, type Lineage, upgraded } from "../../core/upgrade.js";
import type { Manifest } from "../manifest.js";
import { FILES } from "../record.js";
import { manifestSchema } from "../record-schemas.js";
import type { Statement } from "../statement.js";
import { type Redone, recomputed, renderedAgain } from "./again.js";
import { checkChain, manifestBytes } from "./chain.js";
import { compareFiles, type Digests } from "./files.js";
import { guarded, type Problem, problem } from "./problem.js";
import { checkSignatures, type SignatureCheck } from "./signatures.js";

export interface VerifyOptions {
  readonly out: string;
  /** Public keys that are trusted; none: signatures are only checked to be whole. */
  readonly keys?: readonly KeyObject[];
  /** How many of the keys must have signed; default 1. */
  readonly threshold?: number;
  /** Render the reports again and compare them; default true. */
  readonly render?: boolean;
  /** Do audits and gates again, too, and compare the findings; default false. */
  readonly recompute?: boolean;
}

export interface Verification {
  readonly verified: boolean;
  /** SHA-256 of manifest.json: one number that names the whole record. */
  readonly manifestSha256: string | null;
  readonly files: number;
  readonly problems: readonly Problem[];
  readonly signatures: readonly SignatureCheck[];
  /** Reports, and findings.json where asked, that came out byte for byte the same. */
  readonly redone: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Checks a record: every file against its hash, the hashes against the signature, the files against one another, and the
 * reports against the record. Nothing is written, and where the record lies and when its files were written does not matter.
 * @throws StepwedgeError where the folder is no record (2) or was never finished (4); what is wrong with a finished record is in
 * the result
 */
export async function verifyRecord(options: VerifyOptions): Promise<Verification> {
  const { out, keys = [], threshold = 1, render = true, recompute = false } = options;
  requireRecord(out);
  const signed = checkSignatures(out, keys, threshold);
  const bytes = manifestBytes(out);
  if (bytes === null && !existsSync(join(out, FILES.signature))) throw unfinished(out);
  const parsed = bytes === null ? problem(FILES.manifest, "missing", "is missing") : parseManifest(bytes, out);
  const manifest = "kind" in parsed ? null : parsed;
  const problems: Problem[] = [
    ...signed.problems,
    ...manifestProblems(parsed, bytes, signed.statement),
    ...(signed.statement === null && manifest === null
      ? []
      : await compareFiles(out, digestsOf(signed.statement, manifest), manifest)),
  ];
  const notes = [...signatureNotes(signed.checks), ...Object.keys(manifest?.leftOut ?? {}).map(leftOutNote)];
  const redone: string[] = [];
  const damaged = problems.some(({ kind }) => kind !== "signature");
  if (damaged || manifest === null) {
    notes.push("Files differ, so that what they say was not checked, and nothing was rendered again.");
  } else {
    problems.push(...(await checkChain(out, manifest, signed.statement)));
    const again = async (file: string, redo: () => Promise<Redone>) => {
      problems.push(
        ...(await guarded(out, file, async () => {
          const result = await redo();
          redone.push(...result.same);
          notes.push(...result.notes);
          return result.problems;
        })),
      );
    };
    if (render) await again(FILES.findings, () => renderedAgain(out, manifest));
    if (recompute) await again(FILES.findings, () => recomputed(out));
  }
  return {
    verified: problems.length === 0,
    manifestSha256: bytes === null ? null : sha256(bytes),
    files: Object.keys(manifest?.files ?? {}).length,
    problems,
    signatures: signed.checks,
    redone: [...new Set(redone)],
    notes,
  };
}

function requireRecord(out: string): void {
  if ([FILES.protocol, FILES.manifest, FILES.signature].some((name) => existsSync(join(out, name)))) return;
  throw new StepwedgeError(existsSync(out) ? "holds no record" : "does not exist", {
    where: out,
    remedy: "Give the folder that `stepwedge run` wrote: it holds protocol.json and manifest.json.",
  });
}

function unfinished(out: string): StepwedgeError {
  return new StepwedgeError("holds no finished record: its manifest.json is missing", {
    where: out,
    remedy: "Finish it with `stepwedge run --resume`; where it was finished, take it from its source again.",
    exitCode: ExitCode.incomplete,
  });
}

function parseManifest(bytes: Buffer, out: string): Manifest | Problem {
  const fault = (message: string) => problem(FILES.manifest, "unreadable", message);
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault("was changed: it is no valid JSON");
  }
  let current: unknown;
  try {
    current = upgraded(value, LINEAGES[FILES.manifest] as Lineage, join(out, FILES.manifest));
  } catch (error) {
    if (error instanceof StepwedgeError) return fault(`${error.message}. ${error.remedy ?? ""}`);
    throw error;
  }
  const parsed = manifestSchema.safeParse(current);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return fault(`does not have the form of its schema: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
  }
  const sized = Object.keys(parsed.data.sizes).join("\n") === Object.keys(parsed.data.files).join("\n");
  return sized ? parsed.data : fault("was changed: its files and its sizes name other files");
}

/** The signed statement says what the manifest must be; without one, only its form can be checked. */
function manifestProblems(parsed: Manifest | Problem, bytes: Buffer | null, statement: Statement | null): Problem[] {
  const malformed = "kind" in parsed ? [parsed] : [];
  const digest = statement?.subject.find(({ name }) => name === FILES.manifest)?.digest.sha256;
  if (bytes === null || statement === null) return malformed;
  const found = sha256(bytes);
  if (found === digest) return malformed;
  return [problem(FILES.manifest, "changed", "was changed after it was signed", { expected: digest ?? null, found })];
}

/** What every file must be: as it was signed, or, where nothing vouches for that, as the manifest has it. */
function digestsOf(statement: Statement | null, manifest: Manifest | null): Digests {
  if (statement === null) return new Map(Object.entries(manifest?.files ?? {}));
  return new Map(
    statement.subject.filter(({ name }) => name !== FILES.manifest).map(({ name, digest }) => [name, digest.sha256]),
  );
}

function signatureNotes(checks: readonly SignatureCheck[]): string[] {
  if (checks.length === 0) {
    return [
      "The record is not signed: its files agree with one another, but whoever can write them can write all of them.",
    ];
  }
  return checks.flatMap(({ keyid, status }) => {
    if (status === "unknown") return [`Signed by unknown key ${keyid}, not checked against a trusted key (--key).`];
    return status === "other" ? [`Also signed by key ${keyid}, which is none of the given ones.`] : [];
  });
}

function leftOutNote(name: string): string {
  return `${name} is no part of the record and was not checked.`;
}
