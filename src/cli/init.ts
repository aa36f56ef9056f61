import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Command } from "commander";
import { StepwedgeError } from "../core/errors.js";
import { PACKAGE_ROOT } from "../core/version.js";
import { previewTable } from "../data/table/preview.js";
import { validateProtocol } from "../protocol/load.js";
import { parseProtocolText } from "../protocol/source.js";
import { guessDicom } from "./init/dicom.js";
import { guessTable, type TableGuess } from "./init/guess.js";
import { inspectModel } from "./init/model.js";
import { type Draft, draftProtocol, labelsOf, TODO } from "./init/template.js";
import { act, type Outcome, table } from "./shell.js";

interface Options {
  readonly model?: string;
  readonly data?: string;
  readonly out: string;
}

/** Rows of the table that guesses are made from. */
const PREVIEW_ROWS = 1000;

export function registerInit(program: Command): void {
  const command = program
    .command("init")
    .description("write a commented audit.yaml from what the files show")
    .option("--model <file>", "an .onnx file, or the folder of a TensorFlow.js model")
    .option("--data <file>", "a table with one row per sample, or a folder of DICOM files")
    .option("--out <file>", "the protocol to write", "audit.yaml");
  act(command, writeProtocol);
}

async function writeProtocol(options: Options): Promise<Outcome> {
  const { out } = options;
  refuseExisting(out);
  const folder = dirname(resolve(out));
  const draft = await makeDraft(options, folder);
  const text = draftProtocol(draft);
  const source = parseProtocolText(text, out);
  await validateProtocol(source.value, source.place);
  mkdirSync(folder, { recursive: true });
  // `wx`: whoever made the file in the meantime keeps it.
  writeFileSync(out, text, { flag: "wx" });
  const open = text.split("\n").flatMap((line, index) => (line.includes(TODO) ? [index + 1] : []));
  return {
    text: `${table(summaryRows(draft))}Wrote ${out}. Lines to check: ${open.join(", ")}.\nThen: stepwedge run ${out} --dry-run\n`,
    json: { out, guesses: draft.table?.guess ?? null, model: draft.model?.facts ?? null, linesToCheck: open },
    exitCode: 0,
  };
}

function refuseExisting(out: string): void {
  if (!existsSync(out)) return;
  throw new StepwedgeError("exists already; init overwrites nothing", {
    where: out,
    remedy: "Remove it, or choose another name by --out.",
  });
}

async function makeDraft({ model, data }: Options, folder: string): Promise<Draft> {
  return {
    schema: pathFrom(folder, join(PACKAGE_ROOT, "schema", "audit.schema.json")),
    model: model === undefined ? null : await draftModel(model, folder),
    table: data === undefined ? null : await draftData(data, folder),
  };
}

async function draftModel(model: string, folder: string): Promise<Draft["model"]> {
  const facts = await inspectModel(model);
  // The adapter takes the folder of a TensorFlow.js model, not the file in it.
  const path = facts.adapter === "tfjs" && basename(model) === "model.json" ? dirname(model) : model;
  return { path: pathFrom(folder, path), facts };
}

async function draftData(data: string, folder: string): Promise<Draft["table"]> {
  if (statSync(data, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return { path: pathFrom(folder, data), guess: await guessFile(data) };
  }
  const { guess, labels, ...facts } = await guessDicom(data, PREVIEW_ROWS);
  const table = labels === null ? null : { ...labels, path: pathFrom(folder, labels.file) };
  return { path: pathFrom(folder, data), guess, dicom: { labels: table, ...facts } };
}

async function guessFile(file: string): Promise<TableGuess> {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new StepwedgeError("the table does not exist", { where: file, remedy: "Correct --data." });
  }
  const preview = await previewTable(file, PREVIEW_ROWS);
  if (preview.rows === 0) {
    throw new StepwedgeError("the table has no rows", {
      where: file,
      remedy: "Give a table with a header line and one row per sample.",
    });
  }
  return guessTable(preview);
}

/** A path as the protocol writes it: relative to its folder, with forward slashes; absolute on another drive. */
function pathFrom(folder: string, file: string): string {
  const way = relative(folder, resolve(file));
  return isAbsolute(way) ? way : way.split(sep).join("/");
}

function summaryRows(draft: Draft): string[][] {
  const { model, table: data } = draft;
  const none = "not found";
  return [
    ...(model === null
      ? []
      : [
          [
            "Model input",
            `${model.facts.input.name} [${model.facts.input.shape.join(", ")}]${model.facts.input.layout === null ? "" : `, ${model.facts.input.layout}`}`,
          ],
          ["Model output", `${model.facts.output.name} [${model.facts.output.shape.join(", ")}]`],
        ]),
    ...(data === null
      ? []
      : [
          ["Id", data.guess.id ?? none],
          ["Image", data.guess.image ?? none],
          ["Patient", data.guess.patient ?? none],
          ["Split", data.guess.split?.column ?? none],
          [
            "Classes",
            data.guess.labels.length === 0
              ? none
              : labelsOf(draft)
                  .map((label) => label.name)
                  .join(", "),
          ],
          ["Subgroups", data.guess.attributes.map((attribute) => attribute.name).join(", ") || none],
        ]),
  ];
}
