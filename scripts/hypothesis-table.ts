/**
 * Prints the tables of docs/hypothesis.md from finished records of examples/hypothesis:
 * `npm run build && node dist/scripts/hypothesis-table.js <record> …`
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Condition, conditionKey } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import type { Findings } from "../src/core/record.js";

const DEFENSES = ["jpeg", "guided-denoiser", "comdefend"] as const;

class Table {
  readonly #found: ReadonlyMap<string, Finding>;

  constructor(readonly findings: Findings) {
    this.#found = new Map(
      findings.findings
        .filter(({ subgroup, family }) => Object.keys(subgroup).length === 0 && family === null)
        .map((finding) => [`${finding.metric} ${conditionKey(finding.condition)}`, finding]),
    );
  }

  /** "54.4 (48.1–60.7)" in percent, or "0.806 (0.75–0.86)" for areas; "—" where there is none. */
  cell(metric: "fooling-rate" | "auc", condition: Condition): string {
    const { estimate, interval } = this.#found.get(`${metric} ${conditionKey(condition)}`) ?? {};
    if (estimate === undefined || estimate === null || !interval) return "—";
    const text = metric === "auc" ? (value: number) => value.toFixed(3) : (value: number) => (100 * value).toFixed(1);
    return `${text(estimate)} (${text(interval.lower)}–${text(interval.upper)})`;
  }

  /** Attacked conditions without a defense, in the order of the protocol. */
  get bare(): readonly Condition[] {
    return this.findings.attacks.map(({ condition }) => condition).filter(({ defense }) => defense === "none");
  }

  queries(condition: Condition): string {
    const summary = this.findings.attacks.find((one) => conditionKey(one.condition) === conditionKey(condition));
    return (summary?.queries ?? 0).toLocaleString("en-US");
  }

  /** The same attack behind a defense, as its attacker met it. */
  behind(bare: Condition, defense: string, adaptive: boolean): Condition | undefined {
    const key = conditionKey(bare);
    return this.findings.attacks
      .map(({ condition }) => condition)
      .find(
        (condition) =>
          condition.defense === defense &&
          (condition.adaptive ?? false) === adaptive &&
          conditionKey({ ...condition, defense: "none", adaptive: false }) === key,
      );
  }
}

function nameOf({ attack, variant }: Condition): string {
  return variant === undefined ? `\`${attack}\`` : `\`${attack}\`, ${variant}`;
}

function print(table: Table): void {
  const clean: Condition = { attack: "none", epsilon: 0, defense: "none" };
  console.log(`Clean AUC ${table.cell("auc", clean)}.\n`);
  console.log("| attack | queries | flips, % | AUC |\n|---|---|---|---|");
  for (const bare of table.bare) {
    console.log(
      `| ${nameOf(bare)} | ${table.queries(bare)} | ${table.cell("fooling-rate", bare)} | ${table.cell("auc", bare)} |`,
    );
  }
  for (const metric of ["fooling-rate", "auc"] as const) {
    console.log(
      `\n| ${metric} | ${DEFENSES.flatMap((one) => [`${one}, oblivious`, `${one}, adaptive`]).join(" | ")} |`,
    );
    console.log(`|---|${"---|".repeat(2 * DEFENSES.length)}`);
    const unattacked = DEFENSES.flatMap((defense) => [table.cell(metric, { ...clean, defense }), ""]);
    console.log(`| no attack | ${unattacked.join(" | ")} |`);
    for (const bare of table.bare) {
      const cells = DEFENSES.flatMap((defense) =>
        [false, true].map((adaptive) => {
          const condition = table.behind(bare, defense, adaptive);
          return condition === undefined ? "" : table.cell(metric, condition);
        }),
      );
      console.log(`| ${nameOf(bare)} | ${cells.join(" | ")} |`);
    }
  }
}

for (const record of process.argv.slice(2)) {
  console.log(`\n## ${record}\n`);
  print(new Table(JSON.parse(readFileSync(join(record, "findings.json"), "utf8")) as Findings));
}
