import { instant, listed, shortHash } from "../../common/format.js";
import { dataName } from "../../common/names.js";
import { DEVICE_KEYS, deviceOf, type Submission } from "../../common/statements.js";
import type { HeadSummary } from "../../../src/core/record.js";
import { defineSection } from "../section.js";

/** Which model, which data, which protocol, which tool: names, versions and hashes. */
export default defineSection({
  id: "identification",
  title: "Identification",
  order: 30,
  view: ({ record: { protocol, provenance, findings } }) => {
    const { model, data } = protocol;
    const files = (entries: Readonly<Record<string, string>>) =>
      Object.entries(entries).map(([name, hash]) => `${dataName(name)} (SHA-256 ${shortHash(hash)}…)`);
    const entry = (term: string, values: readonly (string | null)[]) => ({
      term,
      values: values.filter((value) => value !== null && value !== ""),
    });
    return {
      entries: [
        entry("Device", [deviceText(protocol.submission)]),
        entry("Audited model", [protocol.title, ...files(provenance.model.files)]),
        entry("Adapter and runtime", [`${provenance.model.adapter}: ${provenance.model.runtime}`]),
        entry("Head", headTexts(provenance.model.head)),
        entry("Task and classes", [
          typeof model.task === "string" ? model.task : null,
          listed(model.classes.map(dataName)),
        ]),
        entry("Data", [data.adapter, ...files(provenance.data.files), imagesText(provenance.data)]),
        entry("Protocol", [`version ${protocol.version}, SHA-256 ${findings.protocolSha256}`, `seed ${protocol.seed}`]),
        entry("Tool", [`stepwedge ${provenance.stepwedge}, Node ${provenance.node}`]),
        entry("Finished", [instant(provenance.finishedAt)]),
      ].filter(({ values }) => values.length > 0),
    };
  },
});

/** Name, version, manufacturer and identifier as stated; each that is not stated is said to be so. */
function deviceText(submission: Submission | undefined): string {
  const device = deviceOf(submission);
  const stated = DEVICE_KEYS.flatMap((key) => (device[key] === undefined ? [] : [`${key} ${device[key]}`]));
  const absent = DEVICE_KEYS.filter((key) => device[key] === undefined);
  return [...stated, ...(absent.length === 0 ? [] : [`not stated: ${listed(absent)}`])].join("; ");
}

/** What makes scores of the encoder's embeddings, and what it was made of. */
function headTexts(head: HeadSummary | undefined): (string | null)[] {
  if (head === undefined) return [];
  const { kind, numbers, parameters } = head;
  const settings = Object.entries(parameters).map(([name, value]) => `${name} ${dataName(String(value))}`);
  const { patients, prompts, samples, width } = numbers;
  const source =
    samples === undefined
      ? `made of ${prompts} prompts`
      : `fitted on ${samples} tuning samples of ${patients} patients, whose own scores are held out by patient`;
  return [
    `${kind} over embeddings of ${width} dimensions (${settings.join(", ")})`,
    `${source} (SHA-256 ${shortHash(head.artifactSha256)}…)`,
  ];
}

function imagesText(data: { readonly images: number; readonly imagesSha256: string | null }): string | null {
  if (data.imagesSha256 === null) return null;
  return `${data.images} images read (SHA-256 of their list ${shortHash(data.imagesSha256)}…)`;
}
