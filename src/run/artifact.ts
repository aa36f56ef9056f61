import { existsSync, readFileSync } from "node:fs";
import type { Strength } from "../core/attack.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import type { ImageGeometry } from "../core/pixels.js";
import { writeWhole } from "./parquet.js";

/** A fitted attack, defense or head as it is kept in the record, with what it cost. */
export interface StoredFit {
  readonly fitted: Fitted;
  readonly queries: Queries;
  readonly sha256: string;
  /** SHA-256 of the images that it learnt from. */
  readonly learntFrom: readonly string[];
}

/** Queries by purpose. */
export interface Queries {
  readonly search: number;
  readonly surrogate: number;
}

/** What a fit was made for: another study may use it only where all of this is the same. */
export interface FitPurpose {
  readonly family: "attacks" | "defenses" | "heads";
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly geometry: ImageGeometry;
  /** What attacks and defenses look at. */
  readonly class?: string;
  /** What a head tells apart, and whose embeddings it is made of. */
  readonly classes?: readonly string[];
  readonly task?: string;
  readonly encoder?: Readonly<Record<string, unknown>>;
  readonly strength?: Strength;
  readonly objective?: string;
  /** The defense inside the attacker's query loop. */
  readonly defense?: { readonly id: string; readonly parameters: Readonly<Record<string, unknown>> };
}

interface ArtifactFile {
  readonly key: string;
  readonly purpose: FitPurpose;
  readonly queries: Queries;
  readonly learntFrom: readonly string[];
  readonly numbers: Readonly<Record<string, number>>;
  /** Little-endian float32, base64. */
  readonly arrays: Readonly<Record<string, { readonly shape: readonly number[]; readonly float32: string }>>;
}

export interface NewFit {
  readonly key: string;
  readonly purpose: FitPurpose;
  readonly fitted: Fitted;
  readonly queries: Queries;
  readonly learntFrom: readonly string[];
}

export function writeArtifact(path: string, { key, purpose, fitted, queries, learntFrom }: NewFit): StoredFit {
  const arrays = Object.fromEntries(
    Object.entries(fitted.arrays).map(([name, { shape, data }]) => [name, { shape, float32: encode(data) }]),
  );
  const { numbers } = fitted;
  const file: ArtifactFile = { key, purpose, queries, learntFrom, numbers, arrays };
  const text = `${JSON.stringify(file, null, 1)}\n`;
  writeWhole(path, text);
  return { fitted, queries, sha256: sha256(text), learntFrom };
}

/**
 * The artifact, or null where there is none yet. A damaged file is an error, and so is one of another study where a key
 * is given.
 */
export function readArtifact(path: string, key: string | null): StoredFit | null {
  const read = readFile(path);
  if (read === null) return null;
  if (key !== null && read.file.key !== key) {
    throw new StepwedgeError("was made for another model, data set or protocol", {
      where: path,
      remedy: "Run into another folder.",
    });
  }
  return read.stored;
}

/**
 * An artifact that another run made, for use in this one.
 * @throws StepwedgeError where it is missing, or was made for other images, parameters or strengths.
 */
export function borrowArtifact(path: string, purpose: FitPurpose): StoredFit {
  const read = readFile(path);
  if (read === null) {
    throw new StepwedgeError("does not exist", {
      where: path,
      remedy: "Make it with `stepwedge fit` and a protocol with this entry, or leave `fitted` out to learn anew.",
    });
  }
  const wanted = JSON.parse(JSON.stringify(purpose)) as Record<string, unknown>;
  const made = read.file.purpose as unknown as Readonly<Record<string, unknown>>;
  const differing = [...new Set([...Object.keys(wanted), ...Object.keys(made)])].find(
    (name) => canonicalJson(wanted[name] ?? null) !== canonicalJson(made[name] ?? null),
  );
  if (differing !== undefined) {
    throw new StepwedgeError(
      `was made for ${differing} ${JSON.stringify(made[differing] ?? null)}; this protocol has ${JSON.stringify(wanted[differing] ?? null)}`,
      { where: path, remedy: "Fit again with this protocol, or make the entry the same as it was then." },
    );
  }
  return read.stored;
}

function readFile(path: string): { readonly file: ArtifactFile; readonly stored: StoredFit } | null {
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "utf8");
  const file = parse(text, path);
  const arrays = Object.fromEntries(
    Object.entries(file.arrays).map(([name, { shape, float32 }]) => [name, { shape, data: decode(float32) }]),
  );
  const { learntFrom, numbers, queries } = file;
  return { file, stored: { fitted: { arrays, numbers }, queries, sha256: sha256(text), learntFrom } };
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
