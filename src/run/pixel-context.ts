import type { FrameChoice, SourceContext, Window } from "../core/data.js";
import type { DataEntry, FramesEntry, WindowEntry } from "../protocol/schema.js";

/** What the protocol says of pixels, as data sources take it. */
export function pixelContext({
  axis,
  bits,
  frames,
  window,
}: Pick<DataEntry, "axis" | "bits" | "frames" | "window">): Pick<
  SourceContext,
  "eachFrame" | "frameColumn" | "pixels"
> {
  return {
    pixels: { window: windowOf(window), bits: bits ?? null, frames: framesOf(frames), axis },
    frameColumn: typeof frames === "object" && "column" in frames ? frames.column : null,
    eachFrame: frames === "each",
  };
}

function windowOf(entry: WindowEntry): Window {
  if (typeof entry === "string") return { kind: entry };
  if ("center" in entry) return { kind: "voi", ...entry };
  if ("range" in entry) return { kind: "range", lower: entry.range[0], upper: entry.range[1] };
  return { kind: "percentiles", lower: entry.percentiles[0], upper: entry.percentiles[1] };
}

function framesOf(entry: FramesEntry): FrameChoice {
  if (typeof entry === "object") return "stack" in entry ? { take: "stack", count: entry.stack } : { take: "only" };
  return { take: entry === "each" ? "only" : entry };
}
