import { conditionKey } from "../../../src/core/condition.js";
import type { AttackSummary, AuditRecord } from "../../../src/core/record.js";
import { integer } from "../../common/format.js";
import { attackTitle, defenseTitle, strengthTitle } from "../../common/names.js";
import { strength } from "../../common/study.js";
import type { Markup } from "../../common/xml.js";
import { shareBars } from "../charts/bars.js";
import { bandShares, readingOf } from "./bands.js";

export interface Picture {
  /** PNG as a data URI. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly detail: string;
  readonly alternative: string;
  /** Its energy by wavelet band, drawn. */
  readonly bands: Markup;
  readonly bandsTitle: string;
}

/** Smaller pictures are magnified by a whole factor until they reach this side. */
const SMALLEST_SIDE = 160;
/** Enough to compare searches; more would only make the file heavy. */
const MOST_PICTURES = 8;
const LARGEST_SIDE = 256;

type Perturbation = AuditRecord["perturbations"][string];

/** The perturbation of each search at its largest strength, drawn about mid-gray. */
export async function perturbationPictures(record: AuditRecord): Promise<Picture[]> {
  const largest = new Map<string, AttackSummary>();
  for (const summary of record.findings.attacks) {
    const { condition } = summary;
    if (record.perturbations[conditionKey(condition)] === undefined) continue;
    const search = `${attackTitle(condition)} ${condition.norm ?? ""} ${defenseTitle(condition)}`;
    const known = largest.get(search);
    if (known === undefined || strength(condition) > strength(known.condition)) largest.set(search, summary);
  }
  const chosen = [...largest.values()].slice(0, MOST_PICTURES);
  return Promise.all(chosen.map((summary) => picture(record, summary)));
}

async function picture(record: AuditRecord, summary: AttackSummary): Promise<Picture> {
  const perturbation = record.perturbations[conditionKey(summary.condition)];
  if (perturbation === undefined) throw new Error("a perturbation was chosen that the record does not hold");
  const { condition } = summary;
  const largest = perturbation.data.reduce((kept, value) => Math.max(kept, Math.abs(value)), 0);
  const levels = Number(largest.toPrecision(3));
  const { source, width, height } = await draw(perturbation, largest);
  const reading = readingOf(record.protocol, condition.attack);
  const title = `${attackTitle(condition)}, ${strengthTitle(condition)}${condition.defense === "none" ? "" : `, ${defenseTitle(condition)}`}`;
  return {
    source,
    width,
    height,
    title,
    detail: `black −${levels}, white +${levels}; found with ${integer(summary.queries)} queries`,
    alternative: `Perturbation of ${title}: values from −${levels} to +${levels} about mid-gray`,
    bands: shareBars(`Energy of ${title} by wavelet band`, bandShares(perturbation, reading)),
    bandsTitle: `Energy by band (${reading.wavelet}, level 1 is the finest)`,
  };
}

/**
 * Shows x as 128 + 127·x/largest, one channel as gray and three as colour. Small pictures are magnified by a whole
 * factor; pictures beyond 256 pixels are thinned, not smoothed, which would hide the fine pattern that there is to see.
 */
async function draw({ shape, data }: Perturbation, largest: number) {
  const [channels = 1, rows = 1, columns = 1] = shape;
  const side = Math.max(rows, columns);
  const step = Math.max(1, Math.ceil(side / LARGEST_SIDE));
  const factor = Math.max(1, Math.ceil(SMALLEST_SIDE / side));
  const [width, height] = [Math.ceil(columns / step) * factor, Math.ceil(rows / step) * factor];
  const pixels = Buffer.alloc(width * height * 4, 255);
  const source = (at: number) => Math.floor(at / factor) * step;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let colour = 0; colour < 3; colour++) {
        const channel = channels >= 3 ? colour : 0;
        const value = data[(channel * rows + source(y)) * columns + source(x)] ?? 0;
        pixels[(y * width + x) * 4 + colour] = Math.round(128 + (127 * value) / (largest || 1));
      }
  // Loading jimp takes longer than most commands: only where a picture is drawn.
  const { Jimp } = await import("jimp");
  const image = Jimp.fromBitmap({ data: pixels, width, height });
  const colorType = channels >= 3 ? 2 : 0;
  const png = await image.getBuffer("image/png", { colorType, deflateLevel: 9, deflateStrategy: 1 });
  return { source: `data:image/png;base64,${png.toString("base64")}`, width, height };
}
