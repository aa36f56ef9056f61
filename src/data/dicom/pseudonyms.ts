import { createHmac } from "node:crypto";
import { promises as fs } from "node:fs";
import { StepwedgeError } from "../../core/errors.js";
import type { Deviation } from "../../core/record.js";

/** A key that is shorter could be tried out. */
const SHORTEST_KEY = 16;
/** Hexadecimal digits of a pseudonym: 80 bits, so that among 10⁶ patients two share one with a chance below 10⁻¹². */
const DIGITS = 20;

export const KEY_VARIABLE = "STEPWEDGE_PSEUDONYM_KEY";

/** Gives names to what identifies persons: the same to the same, told from others, not to be undone without the key. */
export interface Pseudonyms {
  /** HMAC-SHA-256 of a value of one kind (RFC 2104); empty stays empty. */
  of(kind: string, value: string): string;
  /** What the report must say of the key. */
  readonly deviations: readonly Deviation[];
}

/**
 * The key is the content of a file, or of the environment variable STEPWEDGE_PSEUDONYM_KEY; without either it is made of the
 * protocol's seed, which everyone knows who has the protocol.
 * @param file the file, absolute, or null
 * @throws StepwedgeError where the key cannot be read, or is shorter than 16 bytes
 */
export async function openPseudonyms(file: string | null, name: string, seed: number): Promise<Pseudonyms> {
  const given = file === null ? process.env[KEY_VARIABLE] : await readKey(file, name);
  if (given !== undefined && Buffer.byteLength(given) < SHORTEST_KEY) {
    throw new StepwedgeError(`the key for pseudonyms has fewer than ${SHORTEST_KEY} bytes`, {
      where: file === null ? KEY_VARIABLE : name,
      remedy: "Make one of random bytes, for example with: openssl rand -hex 32",
    });
  }
  const key = given ?? `stepwedge pseudonyms of seed ${seed}`;
  return {
    of: (kind, value) =>
      value === "" ? "" : createHmac("sha256", key).update(`${kind}\0${value}`).digest("hex").slice(0, DIGITS),
    deviations: given === undefined ? [GUESSABLE] : [],
  };
}

const GUESSABLE: Deviation = {
  id: "guessable-pseudonyms",
  title: "Pseudonyms of patients without a secret key",
  detail:
    "Patient and instance identifiers are replaced by hashes whose key comes from the protocol's seed. Whoever has the protocol " +
    `and guesses an identifier can confirm it. Set data.pseudonymKey, or the environment variable ${KEY_VARIABLE}.`,
};

async function readKey(file: string, name: string): Promise<string> {
  try {
    return (await fs.readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new StepwedgeError("the key for pseudonyms cannot be read", {
      where: name,
      remedy: "Correct data.pseudonymKey; it is relative to the protocol file.",
      cause,
    });
  }
}
