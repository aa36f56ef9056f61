import type { Command } from "commander";
import { ExitCode } from "../core/errors.js";
import { type FoundNeighbours, neighboursOf } from "../run/neighbours.js";
import { act, table } from "./shell.js";

interface Options {
  readonly sample: string;
  readonly condition: string;
}

export function registerNeighbours(program: Command): void {
  const command = program
    .command("neighbours")
    .description("what a search found for a query: which samples, of which classes, how near")
    .argument("<record>", "the record's folder, of task retrieval")
    .requiredOption("--sample <id>", "a sample of the evaluation split")
    .option("--condition <key>", "under which condition, as findings name it", "clean")
    .addHelpText("after", "\nIt names samples: its output is as confidential as the record's score tables.");
  act(command, async (out: string, { condition, sample }: Options) => {
    const found = await neighboursOf({ out, sample, condition });
    return { text: render(found), json: found, exitCode: ExitCode.pass };
  });
}

function render({ classes, condition, gallery, metric, neighbours, sample }: FoundNeighbours): string {
  const rows = neighbours.map(({ classes: own, id, nearness, rank, shared }) => [
    String(rank),
    nearness.toFixed(6),
    shared.length > 0 ? "hit" : "",
    id,
    own.join(", "),
  ]);
  const head = `${sample} (${classes.join(", ")}), ${condition}, in the ${gallery} split\n\n`;
  return `${head}${table([["rank", metric === "cosine" ? "cosine" : "distance", "", "sample", "classes"], ...rows])}`;
}
