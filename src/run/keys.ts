import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { StepwedgeError } from "../core/errors.js";
import { keyId } from "../core/dsse.js";

const MAKE = "Make one with `stepwedge keygen --out NAME`, or `openssl genpkey -algorithm ed25519 -out NAME.pem`.";

/**
 * Reads an Ed25519 private key (PEM, PKCS#8; encrypted with a passphrase).
 * @throws StepwedgeError where it is missing, of another kind, or the passphrase is missing or wrong
 */
export function readPrivateKey(file: string, passphrase: string | null): KeyObject {
  const text = readKeyFile(file);
  if (!/PRIVATE KEY-----/.test(text)) {
    throw new StepwedgeError(
      /PUBLIC KEY-----/.test(text) ? "is a public key; signing takes the private one" : "holds no private key in PEM",
      { where: file, remedy: MAKE },
    );
  }
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: text, format: "pem", ...(passphrase === null ? {} : { passphrase }) });
  } catch (cause) {
    const encrypted = /ENCRYPTED/.test(text);
    throw new StepwedgeError(
      !encrypted ? "is no whole private key" : passphrase === null ? "is encrypted" : "does not open by the passphrase",
      {
        where: file,
        remedy: encrypted
          ? "Put the passphrase into an environment variable and name it: --passphrase-env NAME."
          : MAKE,
        cause,
      },
    );
  }
  return ed25519(key, file);
}

/** Reads an Ed25519 public key (PEM). @throws StepwedgeError where it is missing or of another kind */
export function readPublicKey(file: string): KeyObject {
  const text = readKeyFile(file);
  if (/PRIVATE KEY-----/.test(text)) {
    throw new StepwedgeError(
      "is a private key; verifying takes the public one, and nobody else needs the private one",
      {
        where: file,
        remedy: `Take its public half: openssl pkey -in ${file} -pubout -out NAME.pub.pem`,
      },
    );
  }
  try {
    return ed25519(createPublicKey(text), file);
  } catch (cause) {
    if (cause instanceof StepwedgeError) throw cause;
    throw new StepwedgeError("holds no public key in PEM", { where: file, remedy: MAKE, cause });
  }
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new StepwedgeError("cannot be read", { where: file, remedy: "Check the path of the key.", cause });
  }
}

function ed25519(key: KeyObject, file: string): KeyObject {
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new StepwedgeError(`must be an Ed25519 key; received ${key.asymmetricKeyType ?? "none"}`, {
    where: file,
    remedy: MAKE,
  });
}

export interface KeyFiles {
  readonly privateFile: string;
  readonly publicFile: string;
  readonly keyid: string;
}

/**
 * Makes a pair of keys: `<name>.pem`, which only its owner may read, and `<name>.pub.pem`.
 * @throws StepwedgeError where one of the files exists
 */
export function makeKeys(name: string, passphrase: string | null): KeyFiles {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const [privateFile, publicFile] = [`${name}.pem`, `${name}.pub.pem`];
  const cipher = passphrase === null ? {} : { cipher: "aes-256-cbc", passphrase };
  writeNew(privateFile, privateKey.export({ type: "pkcs8", format: "pem", ...cipher }) as string, 0o600);
  writeNew(publicFile, publicKey.export({ type: "spki", format: "pem" }) as string, 0o644);
  return { privateFile, publicFile, keyid: keyId(publicKey) };
}

function writeNew(file: string, text: string, mode: number): void {
  try {
    // `wx`: a key that is there already is never lost.
    writeFileSync(file, text, { flag: "wx", mode });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST" && (cause as NodeJS.ErrnoException).code !== "ENOENT")
      throw cause;
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new StepwedgeError(
      exists ? "exists already, and a key is never overwritten" : "cannot be written: there is no such folder",
      {
        where: file,
        remedy: "Choose another name by --out.",
        cause,
      },
    );
  }
}
