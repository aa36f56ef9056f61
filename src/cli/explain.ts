import type { Command } from "commander";
import { StepwedgeError } from "../core/errors.js";
import { suggest } from "../core/plugins.js";
import { explainableIds, explanationsOf } from "./explain/explanation.js";
import { formatExplanation } from "./explain/format.js";
import { act } from "./shell.js";

export function registerExplain(program: Command): void {
  const command = program
    .command("explain")
    .description("what a plug-in or a metric is, how it is computed, its keys and its references")
    .argument("<id>", "the id of a plug-in of any family, or of a metric such as auc-gap");
  act(command, async (id: string) => {
    const explanations = await explanationsOf(id);
    if (explanations.length === 0) {
      const known = await explainableIds();
      throw new StepwedgeError(`nothing is called "${id}"`, {
        where: "explain",
        remedy: `${suggest(id, known)}Known: ${known.join(", ")}.`,
      });
    }
    return { text: explanations.map(formatExplanation).join("\n"), json: explanations, exitCode: 0 };
  });
}
