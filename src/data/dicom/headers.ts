import { promises as fs } from "node:fs";
import type { DataSet } from "dicom-parser";
import { StepwedgeError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import { text } from "../../image/dicom/description.js";
import { hasMark, looksLikeDicom, readDicom } from "../../image/dicom/file.js";
import type { ListedFile } from "../shared/files.js";

/** What a file's header holds of use, without its pixels. */
export interface Header {
  readonly file: ListedFile;
  readonly frames: number;
  /** Null where the file is damaged: it stays a sample, and fails when its image is loaded. */
  readonly facts: Facts | null;
  /** SHA-256 of the bytes that were read for it. */
  readonly sha256: string;
}

export interface Facts {
  /** SOP Instance UID. */
  readonly instance: string;
  /** One cell per attribute asked for. */
  readonly cells: readonly string[];
  /** What the file is looked up by in the table of labels, where that is an attribute; else null. */
  readonly key: string | null;
}

/** Why a file of the folder is no sample. */
export type PassedOver = "no DICOM" | "no image";

/** So much of a file is read at first; then eight times as much, then all. */
const HEAD_BYTES = 2 ** 15;
const GROWTH = 8;
/** So many files are open at a time. */
const AT_ONCE = 16;

/**
 * Reads the headers of files, in their order.
 * @param take what to keep of a header
 */
export async function readHeaders(
  files: readonly ListedFile[],
  take: (dataSet: DataSet) => Pick<Facts, "cells" | "key">,
): Promise<readonly (Header | PassedOver)[]> {
  const headers: (Header | PassedOver)[] = [];
  for (let from = 0; from < files.length; from += AT_ONCE) {
    headers.push(...(await Promise.all(files.slice(from, from + AT_ONCE).map((file) => readHeader(file, take)))));
  }
  return headers;
}

async function readHeader(
  file: ListedFile,
  take: (dataSet: DataSet) => Pick<Facts, "cells" | "key">,
): Promise<Header | PassedOver> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(file.real);
  } catch {
    // Whoever loads its image learns why.
    return { file, frames: 1, facts: null, sha256: "" };
  }
  try {
    const { size } = await handle.stat();
    for (let length = HEAD_BYTES; ; length *= GROWTH) {
      const wanted = Math.min(length, size);
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, 0);
      const head = buffer.subarray(0, bytesRead);
      if (!looksLikeDicom(head)) return "no DICOM";
      const found = headerOf(file, head, wanted === size, size, take);
      if (found !== null) return found;
    }
  } finally {
    await handle.close();
  }
}

/** Null where more of the file must be read. */
function headerOf(
  file: ListedFile,
  head: Buffer,
  isWhole: boolean,
  size: number,
  take: (dataSet: DataSet) => Pick<Facts, "cells" | "key">,
): Header | PassedOver | null {
  const damaged: Header = { file, frames: 1, facts: null, sha256: sha256(head) };
  try {
    const { body, dataSet, pixels } = readDicom(head, file.path);
    if (pixels === null && !isWhole) return null;
    if (pixels === null && dataSet.elements.x00280010 === undefined) return "no image";
    const read = pixels === null ? head : body.subarray(0, pixels.from);
    const frames = Number(text(dataSet, "x00280008") || "1");
    // A frame takes eight bytes at least, but for tiny ones of single bits: more are not there, whatever the file says.
    const isPlausible = pixels !== null && Number.isInteger(frames) && frames >= 1 && frames <= Math.max(1, size / 8);
    return {
      file,
      frames: isPlausible ? frames : 1,
      facts: { instance: text(dataSet, "x00080018"), ...take(dataSet) },
      sha256: sha256(read),
    };
  } catch (error) {
    if (!(error instanceof StepwedgeError) || error.where !== file.path) throw error;
    if (!isWhole) return null;
    return hasMark(head) ? damaged : "no DICOM";
  }
}
