import { sha256 } from "../../../src/core/hash.js";
import { findingsText } from "../../../src/core/record.js";
import { integer } from "../../common/format.js";
import { dataName } from "../../common/names.js";
import { column, type Table, table, textCell } from "../blocks.js";
import { defineSection, type PageContext } from "../section.js";

/** How to run it again, and the hashes that tell whether it is the same. */
export default defineSection({
  id: "reproducibility",
  title: "Reproducibility",
  order: 140,
  view: (context) => {
    const { provenance, protocol, findings } = context.record;
    const { hardware } = provenance;
    return {
      command: provenance.command.map(shellWord).join(" "),
      steps: [
        `Install stepwedge ${provenance.stepwedge} with Node ${provenance.node}.`,
        "Lay the model and the data where the protocol looks for them, and compare their SHA-256 with the table below.",
        "Take audit.yaml; its canonical form, below, must have the protocol's SHA-256.",
        "Run the command into an empty folder, and compare the SHA-256 of findings.json with the one below.",
      ],
      entries: [
        { term: "Seed", value: String(provenance.seed) },
        { term: "Protocol SHA-256", value: findings.protocolSha256 },
        { term: "Findings SHA-256", value: sha256(findingsText(findings)) },
        { term: "Tool", value: `stepwedge ${provenance.stepwedge}, Node ${provenance.node}` },
        { term: "Packages", value: pairs(provenance.packages) },
        { term: "Lockfile SHA-256", value: provenance.lockfileSha256 ?? "not recorded" },
        { term: "Model runtime", value: provenance.model.runtime },
        {
          term: "Hardware",
          value: `${hardware.cpu}; ${hardware.cores} cores; ${hardware.memoryGiB} GiB; ${hardware.platform}`,
        },
        { term: "Queries", value: queriesText(findings.queries) },
      ].filter(({ value }) => value !== ""),
      hashes: hashTable(context),
      protocol: JSON.stringify(protocol, null, 2),
    };
  },
});

function pairs(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

function queriesText(queries: Readonly<Record<string, number>>): string {
  return Object.entries(queries)
    .map(([purpose, count]) => `${purpose} ${integer(count)}`)
    .join(", ");
}

function hashTable({ record: { provenance } }: PageContext): Table {
  const files = [
    ...Object.entries(provenance.model.files).map((entry) => ["model", ...entry] as const),
    ...Object.entries(provenance.data.files).map((entry) => ["data", ...entry] as const),
    ...(provenance.data.imagesSha256 === null
      ? []
      : [["data", `${integer(provenance.data.images)} images, their list`, provenance.data.imagesSha256] as const]),
  ];
  return table({
    id: "hashes",
    caption: "SHA-256 of what was read",
    columns: [column("File"), column("Part"), column("SHA-256")],
    bodies: [
      {
        heading: null,
        rows: files.map(([part, name, hash]) => ({
          header: textCell(dataName(name)),
          cells: [textCell(part), textCell(hash)],
        })),
      },
    ],
  });
}

/** A word as a shell would need it, so that the command can be copied. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
