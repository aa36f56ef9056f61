import { decimal, epsilonText, integer, shortHash } from "../../common/format.js";
import { conditionTitle } from "../../common/names.js";
import { column, type Table, table, textCell } from "../blocks.js";
import type { PageContext } from "../section.js";

/** Queries, size and quality of every attacked condition. */
export function costTable({ record }: PageContext): Table {
  const { attacks } = record.findings;
  return table({
    id: "attack-cost",
    caption: "What each attacked condition cost, and how large the change is as saved",
    note: "L∞ and L2 as shares of the display window, largest over the evaluation images after clipping and rounding to the device's levels. PSNR and SSIM: means over the images (SSIM: the first 64). Low band: share of the change's energy in the wavelet approximation band.",
    folded: `Queries and sizes of ${integer(attacks.length)} attacked conditions`,
    columns: [
      column("Condition"),
      column("Queries", true),
      column("Largest L∞", true),
      column("Largest L2", true),
      column("Mean PSNR", true),
      column("Mean SSIM", true),
      column("Low band", true),
      column("Artifact SHA-256"),
    ],
    bodies: [
      {
        heading: null,
        rows: attacks.map((summary) => ({
          header: textCell(conditionTitle(summary.condition)),
          cells: [
            textCell(integer(summary.queries)),
            textCell(epsilonText(summary.maxLinf)),
            textCell(decimal(summary.maxL2, 3)),
            summary.meanPsnr === null ? textCell("—", { muted: true }) : textCell(`${decimal(summary.meanPsnr, 1)} dB`),
            summary.meanSsim === null ? textCell("—", { muted: true }) : textCell(decimal(summary.meanSsim, 3)),
            summary.lowBandEnergy === null
              ? textCell("—", { muted: true })
              : textCell(`${decimal(summary.lowBandEnergy * 100, 1)}%`),
            summary.artifactSha256 === null
              ? textCell("none", { muted: true })
              : textCell(shortHash(summary.artifactSha256)),
          ],
        })),
      },
    ],
  });
}
