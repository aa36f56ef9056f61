import type { DataSet } from "dicom-parser";
import { StepwedgeError } from "../../core/errors.js";
import { inside } from "../../image/dicom/description.js";
import type { Attribute } from "./dictionary.js";
import type { Pseudonyms } from "./pseudonyms.js";

/** An attribute's value as text, as it stands in the file: several values are separated by backslashes. Empty where missing. */
export function rawText(dataSet: DataSet, { tag, vr }: Attribute): string {
  const element = dataSet.elements[tag];
  if (element === undefined || !inside(dataSet, tag) || element.length === 0) return "";
  // Where the file does not say its VR, the dictionary does; a tag in neither could hold anything, a name too.
  const written = (element.vr === "UN" ? undefined : element.vr) ?? vr ?? "UN";
  const number = NUMBERS[written];
  if (number !== undefined) return element.length < (WIDTHS[written] ?? 0) ? "" : String(number(dataSet, tag) ?? "");
  if (written === "PN") return "";
  if (BINARY.has(written)) {
    throw new StepwedgeError(
      `the attribute (${tag.slice(1, 5)},${tag.slice(5)}) is no text, or of unknown kind (${written})`,
      {
        where: "data",
        remedy: "Name an attribute of a known keyword, with text or a number.",
      },
    );
  }
  const bytes = dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  return decoded(bytes, charsetOf(dataSet))
    .replace(/[\0 ]+$/, "")
    .trimStart();
}

const NUMBERS: Readonly<Record<string, (dataSet: DataSet, tag: string) => number | undefined>> = {
  US: (dataSet, tag) => dataSet.uint16(tag),
  SS: (dataSet, tag) => dataSet.int16(tag),
  UL: (dataSet, tag) => dataSet.uint32(tag),
  SL: (dataSet, tag) => dataSet.int32(tag),
  FL: (dataSet, tag) => dataSet.float(tag),
  FD: (dataSet, tag) => dataSet.double(tag),
};
const WIDTHS: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8 };
const BINARY: ReadonlySet<string> = new Set(["SQ", "OB", "OW", "OF", "OD", "OL", "OV", "AT", "UN"]);

/** Specific Character Set (PS3.3 C.12.1.1.2) by the names that TextDecoder knows. */
const CHARSETS: Readonly<Record<string, string>> = {
  ISO_IR_192: "utf-8",
  ISO_IR_101: "iso-8859-2",
  ISO_IR_109: "iso-8859-3",
  ISO_IR_110: "iso-8859-4",
  ISO_IR_144: "iso-8859-5",
  ISO_IR_127: "iso-8859-6",
  ISO_IR_126: "iso-8859-7",
  ISO_IR_138: "iso-8859-8",
  ISO_IR_148: "windows-1254",
  ISO_IR_166: "windows-874",
  ISO_IR_13: "shift_jis",
  ISO_2022_IR_87: "iso-2022-jp",
  ISO_2022_IR_149: "euc-kr",
  ISO_2022_IR_58: "gb18030",
  GB18030: "gb18030",
  GBK: "gbk",
};

/** The last of several sets is the one that the text changes to; where none is named, Latin-1 holds ASCII and most of what is meant. */
function charsetOf(dataSet: DataSet): string {
  const written = inside(dataSet, "x00080005") ? (dataSet.string("x00080005") ?? "") : "";
  return CHARSETS[written.split("\\").at(-1)?.trim().replace(/ /g, "_") ?? ""] ?? "latin1";
}

function decoded(bytes: Uint8Array, charset: string): string {
  return charset === "latin1" ? Buffer.from(bytes).toString("latin1") : new TextDecoder(charset).decode(bytes);
}

/** An attribute's cell. Ages are years, numbers are the first value, identifiers are pseudonyms. */
export function cellOf(dataSet: DataSet, attribute: Attribute, pseudonyms: Pseudonyms): string {
  const raw = rawText(dataSet, attribute);
  switch (attribute.kind) {
    case "age":
      return yearsOf(raw);
    case "number":
      return (raw.split("\\")[0] ?? "").trim();
    case "identifier":
      return pseudonyms.of(attribute.tag, raw);
    case "uid":
      return pseudonyms.of("uid", raw);
    default:
      return raw;
  }
}

const DAYS_PER_YEAR = 365.25;
const YEARS: Readonly<Record<string, number>> = { D: 1 / DAYS_PER_YEAR, W: 7 / DAYS_PER_YEAR, M: 1 / 12, Y: 1 };

/** An Age String (PS3.5 section 6.2: 052Y, 018M, 003W, 010D) as years; what is none stays as it is, and is refused where it is used. */
export function yearsOf(text: string): string {
  const [, count, unit] = /^\s*(\d{1,3})([DWMY])\s*$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return text;
  return String(Number((Number(count) * (YEARS[unit] as number)).toFixed(4)));
}
