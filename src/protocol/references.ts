import { StepwedgeError } from "../core/errors.js";
import { findPlugin, loadPlugins, suggest } from "../core/plugins.js";
import type { Protocol } from "./schema.js";

type Place = (path: readonly (string | number)[]) => string;

/** Checks what a schema cannot: names that must exist elsewhere in the protocol, and parts that exclude one another. */
export async function checkReferences(protocol: Protocol, place: Place): Promise<void> {
  const must = (ok: boolean, path: readonly (string | number)[], message: string, remedy: string): void => {
    if (!ok) throw new StepwedgeError(message, { where: `${place(path)}, ${path.join(".")}`, remedy });
  };
  const oneOf = (word: string, known: readonly string[], path: readonly (string | number)[], what: string): void =>
    must(
      known.includes(word),
      path,
      `unknown ${what} "${word}"`,
      `${suggest(word, known)}Known: ${known.join(", ") || "none"}.`,
    );

  const classes = Object.keys(protocol.data.labels);
  for (const name of classes) oneOf(name, protocol.model.classes, ["data", "labels", name], "class");
  for (const name of protocol.model.classes) oneOf(name, classes, ["model", "classes"], "label of class");

  const families = Object.keys(protocol.subgroups);
  for (const [name, definition] of Object.entries(protocol.subgroups)) {
    if ("cross" in definition) {
      for (const part of definition.cross) {
        oneOf(part, families, ["subgroups", name, "cross"], "subgroup");
        must(
          !("cross" in (protocol.subgroups[part] ?? {})),
          ["subgroups", name, "cross"],
          `"${part}" is itself crossed`,
          "Cross plain subgroupings only; any number of them may be crossed.",
        );
      }
    } else if (definition.bins !== undefined) {
      const ascending = definition.bins.every((edge, index, all) => index === 0 || edge > (all[index - 1] ?? edge));
      must(
        ascending,
        ["subgroups", name, "bins"],
        "bins must ascend",
        "List the edges from the lowest to the highest, each once.",
      );
    }
  }

  await checkAttacks(protocol, must, oneOf);
  checkUnique(
    protocol.defenses.map((defense) => defense.id),
    "defenses",
    must,
  );
  checkUnique(
    protocol.operatingPoints.map((point) => `${point.id}/${point.class ?? ""}`),
    "operatingPoints",
    must,
  );
  checkUnique(
    protocol.gates.map((gate) => gate.id),
    "gates",
    must,
  );
  for (const [index, point] of protocol.operatingPoints.entries()) {
    if (point.class !== undefined) oneOf(point.class, classes, ["operatingPoints", index, "class"], "class");
  }
  const metrics = [...(await loadPlugins("audits")).values()].flatMap((audit) =>
    audit.meta.metrics.map((metric) => metric.id),
  );
  for (const [index, gate] of protocol.gates.entries()) {
    oneOf(gate.metric, metrics, ["gates", index, "metric"], "metric");
    if (gate.class !== undefined) oneOf(gate.class, classes, ["gates", index, "class"], "class");
    const points = protocol.operatingPoints.map((point) => point.id);
    if (gate.operatingPoint !== undefined)
      oneOf(gate.operatingPoint, points, ["gates", index, "operatingPoint"], "operating point");
  }
}

type Must = (ok: boolean, path: readonly (string | number)[], message: string, remedy: string) => void;
type OneOf = (word: string, known: readonly string[], path: readonly (string | number)[], what: string) => void;

async function checkAttacks(protocol: Protocol, must: Must, oneOf: OneOf): Promise<void> {
  const adapter = await findPlugin("models", protocol.model.adapter);
  must(
    adapter.meta.needsImages || (protocol.attacks.length === 0 && protocol.defenses.length === 0),
    ["model", "adapter"],
    `"${protocol.model.adapter}" has no images to attack or defend`,
    "Remove attacks and defenses, or give a model that can be asked.",
  );
  must(
    !adapter.meta.needsImages || protocol.data.image !== undefined || protocol.data.adapter !== "table",
    ["data", "image"],
    "the column with the image's path is missing",
    'Add "image: <column>" under data.',
  );
  for (const [index, entry] of protocol.attacks.entries()) {
    const attack = await findPlugin("attacks", entry.id);
    const given = entry.epsilon !== undefined || entry.severity !== undefined;
    must(
      given,
      ["attacks", index],
      `"${entry.id}" has no strength`,
      `Add ${attack.meta.strengths.join(" or ")}: a value or a list.`,
    );
    for (const value of entry.epsilon ?? []) {
      must(
        entry.norm !== "linf" || value <= 1,
        ["attacks", index, "epsilon"],
        `ε is a fraction of the display window and must be at most 1; received ${value}`,
        "Write grey levels of an 8-bit image as a quotient, such as 4/255.",
      );
    }
    if (entry.class !== undefined) oneOf(entry.class, protocol.model.classes, ["attacks", index, "class"], "class");
  }
}

function checkUnique(ids: readonly string[], field: string, must: Must): void {
  for (const [index, id] of ids.entries()) {
    must(
      ids.indexOf(id) === index,
      [field, index, "id"],
      `"${id.replace(/\/$/, "")}" appears twice`,
      "Give each entry an id of its own.",
    );
  }
}
