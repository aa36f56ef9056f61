import type { ScoreTable } from "../core/adapter.js";
import { received, StepwedgeError } from "../core/errors.js";
import { isClassification } from "./blocks.js";
import { findPlugin, loadPlugins, suggest } from "../core/plugins.js";
import { BASELINE, baseMetric } from "./baseline.js";
import { type Path, type Place, whereIs } from "./place.js";
import { type AttackEntry, type Protocol, parametersOf } from "./schema.js";

/** Checks what a schema cannot: names that must exist elsewhere in the protocol, and parts that exclude one another. */
export async function checkReferences(protocol: Protocol, place: Place): Promise<void> {
  const check = checker(place);
  await checkClasses(protocol, check);
  checkEmbeddings(protocol, check);
  checkThresholds(protocol, check);
  checkSplit(protocol, check);
  checkSubgroups(protocol, check);
  await checkImages(protocol, check);
  checkHead(protocol, check);
  for (const [index, entry] of protocol.attacks.entries()) {
    await checkStrength(entry, index, check);
    if (entry.class !== undefined)
      check.oneOf(entry.class, protocol.model.classes, ["attacks", index, "class"], "class");
  }
  checkComparators(protocol, check);
  checkAudits(protocol, check);
  checkUnique(protocol, check);
  await checkGates(protocol, check);
}

interface Checker {
  /** Refuses the protocol unless `ok`. */
  must(ok: boolean, path: Path, message: string, remedy: string): void;
  /** Refuses a word that is not among the known ones. */
  oneOf(word: string, known: readonly string[], path: Path, what: string): void;
}

function checker(place: Place): Checker {
  const must: Checker["must"] = (ok, path, message, remedy) => {
    if (!ok) throw new StepwedgeError(message, { where: whereIs(place, path), remedy });
  };
  return {
    must,
    oneOf(word, known, path, what) {
      const list = `${suggest(word, known)}Known: ${known.join(", ") || "none"}.`;
      must(known.includes(word), path, `unknown ${what} "${word}"`, list);
    },
  };
}

async function checkClasses({ data, model }: Protocol, { must, oneOf }: Checker): Promise<void> {
  if (!isClassification(model.task)) {
    checkHeadless(model, must);
    if ((await findPlugin("tasks", model.task)).meta.reference !== "sample") {
      checkReferenced({ data, model }, { must, oneOf });
      return;
    }
  }
  must(
    Object.keys(data.references).length === 0,
    ["data", "references"],
    `are for other tasks; ${isClassification(model.task) ? `${model.task} classification` : model.task} is held against data.labels`,
    "Set model.task, or leave data.references out.",
  );
  must(
    Object.keys(data.labels).length > 0,
    ["data", "labels"],
    "is missing: it must name at least one class",
    "Give a mapping: <class>: <column> for each class.",
  );
  for (const name of Object.keys(data.labels)) oneOf(name, model.classes, ["data", "labels", name], "class");
  for (const [index, name] of model.classes.entries()) {
    const path = ["model", "classes", index];
    must(model.classes.indexOf(name) === index, path, `"${name}" appears twice`, "Name each class once.");
    must(
      data.labels[name] !== undefined,
      path,
      `class "${name}" has no labels`,
      `Add "${name}: <column>" under data.labels, or leave the class out.`,
    );
  }
}

/** Of tasks that are held against masks or numbers: a reference for each class, and nothing that only classifiers have. */
function checkReferenced({ data, model }: Pick<Protocol, "data" | "model">, { must, oneOf }: Checker): void {
  must(
    Object.keys(data.labels).length === 0,
    ["data", "labels"],
    `are of classifiers; task ${model.task} is held against data.references`,
    "Move them to data.references, or set model.task to binary, multiclass or multilabel.",
  );
  must(
    Object.keys(data.references).length > 0,
    ["data", "references"],
    "is missing: it must name at least one class",
    "Give a mapping: <class>: <column> for each class.",
  );
  for (const name of Object.keys(data.references)) oneOf(name, model.classes, ["data", "references", name], "class");
  for (const [index, name] of model.classes.entries()) {
    must(
      data.references[name] !== undefined,
      ["model", "classes", index],
      `class "${name}" has no reference`,
      `Add "${name}: <column>" under data.references, or leave the class out.`,
    );
  }
}

function checkHeadless({ head, task }: Protocol["model"], must: Checker["must"]): void {
  must(
    head === undefined,
    ["model", "head"],
    `makes a classifier of an encoder; the task is ${task}`,
    "Leave one of the two out.",
  );
}

/** Only encoders have embeddings. */
function checkEmbeddings({ data, model }: Protocol, { must }: Checker): void {
  must(
    data.region === undefined || Object.keys(data.references).length === 0,
    ["data", "region"],
    "cuts images, and the reference standard is of whole ones",
    "Leave region out.",
  );
  must(
    (data.region?.context ?? 0) === 0 || model.head !== undefined || model.task === "retrieval",
    ["data", "region", "context"],
    "needs an encoder: only its images can be larger than what it sees",
    "Set task: retrieval, or a head; or leave context out.",
  );
  must(
    model.aggregate === undefined || model.head !== undefined || model.task === "retrieval",
    ["model", "aggregate"],
    "needs an encoder: the model's answers are no embeddings",
    "Set task: retrieval, or a head; or leave aggregate out.",
  );
  must(
    model.keepEmbeddings !== true || model.head !== undefined || model.task === "retrieval",
    ["model", "keepEmbeddings"],
    "needs an encoder: the model's answers are no embeddings",
    "Set task: retrieval, or a head; or leave keepEmbeddings out.",
  );
}

/** Operating points of other tasks than classification are limits of success, fixed beforehand. */
function checkThresholds({ comparators, gates, model, operatingPoints }: Protocol, { must }: Checker): void {
  if (isClassification(model.task)) return;
  for (const [index, point] of operatingPoints.entries()) {
    must(
      point.threshold !== undefined || point.thresholds !== undefined,
      ["operatingPoints", index],
      `cannot be chosen: task ${model.task} has no positives and negatives`,
      "Give a threshold of success in [0, 1], such as the Dice below which a mask is of no use.",
    );
  }
  const against = gates.findIndex((gate) => gate.against !== undefined);
  must(
    against < 0,
    ["gates", against, "against"],
    `compares classifiers; the task is ${model.task}`,
    "Give an absolute limit.",
  );
  must(
    comparators.length === 0,
    ["comparators"],
    `hold scores of classifiers; the task is ${model.task}`,
    "Leave them out.",
  );
}

function checkSplit({ data: { split } }: Protocol, { must }: Checker): void {
  if (!("column" in split)) return;
  const both = split.evaluation.find((value) => split.tuning.includes(value));
  must(
    both === undefined,
    ["data", "split", "evaluation"],
    `${received(both)} is both the tuning and the evaluation split`,
    "Tune on one part of the data and evaluate on another.",
  );
}

function checkSubgroups({ subgroups }: Protocol, { must, oneOf }: Checker): void {
  const plain = Object.keys(subgroups).filter((name) => "column" in (subgroups[name] ?? {}));
  for (const [name, definition] of Object.entries(subgroups)) {
    if ("cross" in definition) {
      for (const [index, part] of definition.cross.entries()) {
        const path = ["subgroups", name, "cross", index];
        must(
          !("cross" in (subgroups[part] ?? {})),
          path,
          `"${part}" is itself crossed`,
          "Cross plain subgroupings only; any number of them may be crossed.",
        );
        oneOf(part, plain, path, "subgrouping");
        must(definition.cross.indexOf(part) === index, path, `"${part}" appears twice`, "Name each subgrouping once.");
      }
    } else if (definition.bins !== undefined) {
      const { bins } = definition;
      must(
        bins.every((edge, index) => index === 0 || edge > (bins[index - 1] ?? edge)),
        ["subgroups", name, "bins"],
        `bins must ascend; received ${received(bins)}`,
        "List the edges from the lowest to the highest, each once.",
      );
    }
  }
}

/** Models that are asked need images; tables of scores have none to attack or defend. */
async function checkImages(protocol: Protocol, { must }: Checker): Promise<void> {
  const adapter = await findPlugin("models", protocol.model.adapter);
  const source = await findPlugin("data", protocol.data.adapter);
  must(
    adapter.meta.needsImages || (protocol.attacks.length === 0 && protocol.defenses.length === 0),
    ["model", "adapter"],
    `"${protocol.model.adapter}" has no images to attack or defend`,
    "Remove attacks and defenses, or give a model that can be asked; scores under attack that the table holds belong under model.conditions.",
  );
  must(
    !adapter.meta.needsImages || protocol.data.image !== undefined || source.meta.needsImageColumn !== true,
    ["data", "image"],
    "is missing: the column with the image's path",
    'Add "image: <column>" under data.',
  );
}

/** Behind a head the output is a vector: what turns numbers into a class's probability has no place there. */
function checkHead({ model }: Protocol, { must }: Checker): void {
  if (model.head === undefined) return;
  const { activation, output } = model as { activation?: unknown; output?: { select?: unknown } };
  must(
    activation === undefined || activation === "none",
    ["model", "activation"],
    "an embedding takes no activation; the head makes probabilities of it",
    "Leave activation out.",
  );
  must(
    output?.select === undefined,
    ["model", "output", "select"],
    "an embedding has no column of a class; the head makes scores of the whole",
    "Leave select out.",
  );
}

async function checkStrength(entry: AttackEntry, index: number, { must }: Checker): Promise<void> {
  const { strengths } = (await findPlugin("attacks", entry.id)).meta;
  must(
    entry.epsilon !== undefined || entry.severity !== undefined,
    ["attacks", index],
    `"${entry.id}" has no strength`,
    `Add ${strengths.join(" or ")}: a value or a list.`,
  );
  const tooLarge = entry.norm === "linf" ? entry.epsilon?.find((value) => value > 1) : undefined;
  must(
    tooLarge === undefined,
    ["attacks", index, "epsilon"],
    `must be at most 1, the whole display window; received ${tooLarge}`,
    "Write grey levels of an 8-bit image as a quotient, such as 4/255.",
  );
}

/** The conditions that the table holds scores of, clean first; none where a model is asked. */
export async function scoreTables({ model }: Protocol): Promise<readonly ScoreTable[]> {
  const adapter = await findPlugin("models", model.adapter);
  return adapter.scoreTables?.(parametersOf(model, adapter), model.classes) ?? [];
}

function checkComparators({ baseline, comparators, model }: Protocol, { must, oneOf }: Checker): void {
  for (const [index, { columns, id }] of comparators.entries()) {
    must(
      baseline === undefined || id !== BASELINE,
      ["comparators", index, "id"],
      `"${BASELINE}" is the blessed baseline's name`,
      "Give the comparator another id.",
    );
    for (const name of Object.keys(columns))
      oneOf(name, model.classes, ["comparators", index, "columns", name], "class");
  }
}

/** Audits are run class by class and cannot tell that a class does not exist. */
function checkAudits({ audits, model }: Protocol, { oneOf }: Checker): void {
  for (const [index, { prevalence }] of audits.entries()) {
    if (typeof prevalence !== "object" || prevalence === null) continue;
    for (const name of Object.keys(prevalence))
      oneOf(name, model.classes, ["audits", index, "prevalence", name], "class");
  }
}

function checkUnique(protocol: Protocol, { must }: Checker): void {
  const lists: Readonly<Record<string, readonly string[]>> = {
    defenses: protocol.defenses.map((defense) => defense.id),
    operatingPoints: protocol.operatingPoints.map((point) =>
      point.class === undefined ? point.id : `${point.id} of ${point.class}`,
    ),
    gates: protocol.gates.map((gate) => gate.id),
    audits: protocol.audits.map((audit) => audit.id),
    comparators: protocol.comparators.map((comparator) => comparator.id),
    reports: protocol.reports,
  };
  for (const [field, ids] of Object.entries(lists)) {
    const remedy = ["gates", "operatingPoints", "comparators"].includes(field)
      ? "Give each an id of its own."
      : "Name each once.";
    for (const [index, id] of ids.entries()) {
      must(ids.indexOf(id) === index, [field, index], `"${id}" appears twice`, remedy);
    }
  }
}

/**
 * Names in gates that could never be found. Groups, strengths and conditions that merely are not there are left to the
 * gate: it fails, so that a criterion cannot pass by absence.
 */
async function checkGates(protocol: Protocol, { oneOf }: Checker): Promise<void> {
  const { classes } = protocol.model;
  const points = protocol.operatingPoints.map((point) => point.id);
  const metrics = [...(await loadPlugins("audits")).values()].flatMap((audit) =>
    audit.meta.metrics.map((metric) => metric.id),
  );
  const tables = await scoreTables(protocol);
  const others = [
    ...(protocol.baseline === undefined ? [] : [BASELINE]),
    ...protocol.comparators.map((comparator) => comparator.id),
  ];
  const known = async (family: "attacks" | "defenses") => {
    const named = tables.map(({ condition }) => (family === "attacks" ? condition.attack : condition.defense));
    return [...new Set(["none", ...(await loadPlugins(family)).keys(), ...named])];
  };
  for (const [index, point] of protocol.operatingPoints.entries()) {
    if (point.class !== undefined) oneOf(point.class, classes, ["operatingPoints", index, "class"], "class");
    if (point.thresholds === undefined || typeof point.thresholds.path === "string") continue;
    for (const name of Object.keys(point.thresholds))
      oneOf(name, classes, ["operatingPoints", index, "thresholds", name], "class");
  }
  for (const [index, gate] of protocol.gates.entries()) {
    if (gate.against === undefined) oneOf(gate.metric, metrics, ["gates", index, "metric"], "metric");
    else {
      oneOf(gate.against, others, ["gates", index, "against"], "model to compare with");
      const known = metrics.filter((metric) => metric.endsWith("-advantage")).map(baseMetric);
      oneOf(baseMetric(gate.metric), known, ["gates", index, "metric"], "metric of a comparison");
    }
    if (gate.class !== undefined) oneOf(gate.class, classes, ["gates", index, "class"], "class");
    if (gate.operatingPoint !== undefined)
      oneOf(gate.operatingPoint, points, ["gates", index, "operatingPoint"], "operating point");
    if (gate.condition === undefined) continue;
    const { attack, defense } = gate.condition;
    oneOf(attack, await known("attacks"), ["gates", index, "condition", "attack"], "attack");
    oneOf(defense, await known("defenses"), ["gates", index, "condition", "defense"], "defense");
  }
}
