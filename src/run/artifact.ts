import { existsSync, readFileSync } from "node:fs";
import type { Fitted } from "../core/fitted.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { writeWhole } from "./parquet.js";

/** A fitted attack as it is kept in the record, with what it cost. */
export interface StoredFit {
  readonly fitted: Fitted;
  readonly queries: number;
  readonly sha256: string;
}

interface ArtifactFile {
  readonly key: string;
  readonly queries: number;
  readonly numbers: Readonly<Record<string, number>>;
  /** Little-endian float32, base64. */
  readonly arrays: Readonly<Record<string, { readonly shape: readonly number[]; readonly float32: string }>>;
}

export function writeArtifact(path: string, key: string, fitted: Fitted, queries: number): StoredFit {
  const arrays = Object.fromEntries(
    Object.entries(fitted.arrays).map(([name, { shape, data }]) => [name, { shape, float32: encode(data) }]),
  );
  const text = `${JSON.stringify({ key, queries, numbers: fitted.numbers, arrays } satisfies ArtifactFile, null, 1)}\n`;
  writeWhole(path, text);
  return { fitted, queries, sha256: sha256(text) };
}

/**
 * The artifact, or null where there is none yet. A damaged file is an error, and so is one of another study where a key
 * is given.
 */
export function readArtifact(path: string, key: string | null): StoredFit | null {
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "utf8");
  const file = parse(text, path);
  if (key !== null && file.key !== key) {
    throw new StepwedgeError("was made for another model, data set or protocol", {
      where: path,
      remedy: "Run into another folder.",
    });
  }
  const arrays = Object.fromEntries(
    Object.entries(file.arrays).map(([name, { shape, float32 }]) => [name, { shape, data: decode(float32) }]),
  );
  return { fitted: { arrays, numbers: file.numbers }, queries: file.queries, sha256: sha256(text) };
}

function parse(text: string, path: string): ArtifactFile {
  try {
    return JSON.parse(text) as ArtifactFile;
  } catch (cause) {
    throw new StepwedgeError("is damaged", {
      where: path,
      remedy: "Delete it and run again with --resume: only this search is done anew.",
      exitCode: ExitCode.incomplete,
      cause,
    });
  }
}

function encode(data: Float32Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}

function decode(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}
