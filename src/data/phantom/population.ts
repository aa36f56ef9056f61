import { type Random, randomFrom } from "../../core/random.js";
import { cardiothoracicRatio, drawAnatomy } from "./anatomy.js";
import { drawNodule } from "./nodule.js";
import { renderImage, renderMask } from "./render.js";
import type { Scanner } from "./scanner.js";

/** What is wrong on purpose: everything, nothing, or one weakness alone. */
export type Planted = boolean | "women-under-40" | "scanner-c";

export interface PopulationOptions {
  readonly seed: number;
  /** Populations of different names share no patient, whatever their seeds. */
  readonly name: string;
  readonly patients: number;
  /** Probability that an image shows a nodule. */
  readonly prevalence: number;
  /** Contrast of every nodule, relative to the usual. */
  readonly contrast: number;
  readonly planted: Planted;
}

/** Who somebody is. */
interface Person {
  readonly sex: "F" | "M";
  /** Years. */
  readonly age: number;
  readonly scanner: Scanner;
}

/** One image of the population: what the table says of it, and what its pixels are made from. */
export interface PhantomImage {
  readonly id: string;
  readonly patient: string;
  readonly sex: string;
  /** Years as recorded; the empty string where the record has a gap. */
  readonly age: string;
  readonly scanner: string;
  readonly nodule: 0 | 1;
  readonly split: "tuning" | "evaluation";
  /** Cardiothoracic ratio in percent, with one decimal: a number that the pixels show and no attribute tells. */
  readonly ctr: () => string;
  /** Renders it: side × side stored values 0 … 255; the same whatever was rendered before. */
  readonly render: (side: number) => Uint8Array;
  /** 1 where lung lies with nothing in front of it, in the same pose: side × side. */
  readonly mask: (side: number) => Uint8Array;
}

/** Contrast of a nodule in women under 40, as a share of what it is in everybody else. */
export const FAINT = 0.55;
const TUNING_SHARE = 1 / 3;
/** Share of the patients whose age is not recorded. */
const AGE_MISSING = 0.04;

/** All images of a population, patient by patient. Nothing is rendered yet. */
export function drawPopulation(options: PopulationOptions): PhantomImage[] {
  const digits = String(options.patients).length;
  return Array.from({ length: options.patients }, (_, index) => {
    const patient = `p${String(index + 1).padStart(digits, "0")}`;
    return imagesOf(patient, randomFrom("phantom", options.name, options.seed, patient), options);
  }).flat();
}

function imagesOf(
  patient: string,
  stream: Random,
  { prevalence, contrast, planted }: PopulationOptions,
): PhantomImage[] {
  const seen = appearance(drawPerson(stream.fork("person")), planted, stream.fork("detector"));
  const faint = (planted === true || planted === "women-under-40") && seen.sex === "F" && seen.age < 40;
  const recorded = record(seen, planted, stream.fork("record"));
  const split = stream.fork("split").uniform() < TUNING_SHARE ? "tuning" : "evaluation";
  const age = stream.fork("gap").uniform() < AGE_MISSING ? "" : String(recorded.age);
  const { sex, scanner } = recorded;
  const ctr = () => cardiothoracicRatio(drawAnatomy(stream.fork("anatomy"), seen.sex)).toFixed(1);

  return drawFindings(stream.fork("findings"), prevalence).map((nodule, index) => {
    const visit = String(index + 1);
    const render = (side: number) => {
      const anatomy = drawAnatomy(stream.fork("anatomy"), seen.sex);
      const drawn = drawNodule(stream.fork("nodule"), anatomy);
      const visible = { ...drawn, contrast: drawn.contrast * contrast * (faint ? FAINT : 1) };
      return renderImage(anatomy, nodule === 1 ? visible : null, seen.scanner, side, stream.fork("visit", visit));
    };
    const mask = (side: number) =>
      renderMask(drawAnatomy(stream.fork("anatomy"), seen.sex), side, stream.fork("visit", visit));
    return { id: `${patient}-${visit}`, patient, sex, age, scanner, nodule, split, ctr, render, mask };
  });
}

function drawPerson(random: Random): Person {
  const young = random.uniform() < 0.32;
  const draw = random.uniform();
  return {
    sex: random.uniform() < 0.5 ? "F" : "M",
    age: young ? 20 + random.integer(20) : 40 + random.integer(50),
    scanner: draw < 0.4 ? "A" : draw < 0.75 ? "B" : "C",
  };
}

/** How the pixels show a person: scanner C has its own detector only where that weakness is planted. */
function appearance(person: Person, planted: Planted, random: Random): Person {
  if (person.scanner !== "C" || planted === true || planted === "scanner-c") return person;
  return { ...person, scanner: random.uniform() < 0.5 ? "A" : "B" };
}

/**
 * What the table says of a person. In the null population it is drawn afresh: no attribute has anything to do with
 * the pixels, so groups are exchangeable exactly, not merely alike.
 */
function record(person: Person, planted: Planted, random: Random): Person {
  return planted === false ? drawPerson(random) : person;
}

/** Nodule or none for each visit (one to three); findings seldom change between two visits of one patient. */
function drawFindings(random: Random, prevalence: number): (0 | 1)[] {
  const draw = random.uniform();
  const visits = draw < 0.65 ? 1 : draw < 0.9 ? 2 : 3;
  const finding = (): 0 | 1 => (random.uniform() < prevalence ? 1 : 0);
  const first = finding();
  return Array.from({ length: visits }, (_, visit) => (visit > 0 && random.uniform() < 0.2 ? finding() : first));
}
