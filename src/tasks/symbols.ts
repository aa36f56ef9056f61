import { z } from "zod";
import { received, StepwedgeError } from "../core/errors.js";
import type { OutcomeId } from "../core/outcome.js";
import { defineTask } from "../core/task.js";

const OUTCOMES = ["sentence-consistency", "sentence-length", "reference"] as const satisfies readonly OutcomeId[];

const parameters = z.strictObject({
  lengths: z
    .record(z.string().min(1), z.int().min(1).max(64))
    .describe("Tokens of each level's sentence, by class; their columns stand in the output in the classes' order."),
  padding: z.int().default(-1).describe("The token that ends a sentence, and fills up what is left of it."),
});

/**
 * Symbols: the answer holds a sentence of whole-numbered tokens for each level of a hierarchy, the most general level first. Classes
 * are the levels; the reference of each is the code of the sample's true class at that level. The tokens go into the score tables
 * as they came: what needs several samples, or the clean sentence, is the audit's (audits/symbols.ts).
 */
export default defineTask({
  meta: {
    id: "symbols",
    title: "Symbol sentences",
    summary: "A sentence of tokens for each level of a hierarchy, held against the class at that level.",
    reference: "number",
    outcomes: OUTCOMES,
    success: "the share of levels whose sentence begins with that of the level above; 1 of a single level",
    parameters,
    references: [
      "A. Santamaria-Pang et al., Towards Emergent Language Symbolic Semantic Segmentation and Model Interpretability, MICCAI 2020",
    ],
  },
  unit: () => "tokens",
  recorded: ({ lengths }) => Array.from({ length: Math.max(...Object.values(lengths)) }, (_, i) => `token-${i}`),
  open({ classes, parameters: { lengths, padding }, width }) {
    const sizes = classes.map((name) => {
      const size = lengths[name];
      if (size !== undefined) return size;
      throw new StepwedgeError(`has no length for the level "${name}"`, {
        where: "model.symbols.lengths",
        remedy: `Say how many tokens each level has: ${classes.map((one) => `${one}: 4`).join(", ")}.`,
      });
    });
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total !== width) {
      throw new StepwedgeError(`gives ${width} tokens per image; the levels have ${sizes.join(" + ")}`, {
        where: "model.symbols.lengths",
        remedy: "Let the lengths add up to the output's width, or name another output (model.output.name).",
      });
    }
    const widest = Math.max(...Object.values(lengths));
    const starts = sizes.map((_, level) => sizes.slice(0, level).reduce((sum, size) => sum + size, 0));
    const sentenceOf = (answer: Float32Array, level: number): Float32Array => {
      const start = starts[level] as number;
      const tokens = answer.subarray(start, start + (sizes[level] as number));
      const odd = tokens.find((token) => !Number.isInteger(token));
      if (odd !== undefined) {
        throw new StepwedgeError(`gave ${received(odd)}, which is no token`, {
          where: "model",
          remedy: "Tokens are whole numbers: name an output of indices (argmax), not of scores.",
        });
      }
      const end = tokens.indexOf(padding);
      return end < 0 ? tokens : tokens.subarray(0, end);
    };
    const consistent = (answer: Float32Array, level: number): number => {
      if (level === 0) return Number.NaN;
      const [parent, child] = [sentenceOf(answer, level - 1), sentenceOf(answer, level)];
      return parent.every((token, i) => child[i] === token) ? 1 : 0;
    };
    return {
      success(answer, references) {
        const found = classes.slice(1).map((_, index) => consistent(answer, index + 1));
        const share = found.length === 0 ? 1 : found.reduce((sum, one) => sum + one, 0) / found.length;
        return Float64Array.from(references, (one) => (one === null ? Number.NaN : share));
      },
      outcomes: (answer, references) =>
        Float64Array.from(
          references.flatMap((one, level) => {
            const sentence = sentenceOf(answer, level);
            const tokens = Array.from({ length: widest }, (_, i) => sentence[i] ?? Number.NaN);
            if (one?.kind !== "number") return [Number.NaN, Number.NaN, Number.NaN, ...tokens.map(() => Number.NaN)];
            return [consistent(answer, level), sentence.length, one.value, ...tokens];
          }),
        ),
    };
  },
});
