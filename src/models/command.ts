// A model that is a program of the user's, in any language: images go to its standard input as tensors, scores come from its
// standard output. docs/models/command.md has the messages. The program is started as it stands: no shell reads the command.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { type AdapterContext, defineModelAdapter } from "../core/adapter.js";
import { StepwedgeError } from "../core/errors.js";
import { sha256File } from "../core/hash.js";
import { openCommandSession } from "./command/session.js";
import type { Reduction } from "./shared/dense.js";
import { type Connection, opening } from "./shared/connection.js";
import { modelInput } from "./shared/geometry.js";
import { activation, checkSelection, input, select } from "./shared/parameters.js";
import { askInParts } from "./shared/parts.js";

const parameters = z.strictObject({
  command: z
    .array(z.string())
    .min(1)
    .refine(([program]) => program !== "", "names no program")
    .describe("The program and its arguments; started in the protocol's folder, without a shell."),
  files: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Files that make up the model, such as weights: their hashes go into the record. Arguments that are files need not be listed.",
    ),
  environment: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/))
    .default([])
    .describe("Further environment variables that the program may see."),
  activation,
  output: z.strictObject({ select }).default({}),
  input: input.prefault({}),
  processes: z.number().int().min(1).max(64).default(1).describe("How many of it run side by side."),
  batch: z.number().int().min(1).max(4096).default(16).describe("Images to a question at most."),
  timeout: z.number().positive().max(86_400).default(120).describe("Seconds that an answer, or the start, may take."),
  restarts: z.number().int().min(0).max(100).default(2).describe("How often it is started again after a crash."),
});

export default defineModelAdapter({
  meta: {
    id: "command",
    title: "Program of yours",
    summary: "A classifier in a program of yours, in any language, asked over its standard input and output.",
    parameters,
    needsImages: true,
  },
  ...opening(connect),
});

/** @param classes null: the program is an encoder */
async function connect(
  options: z.infer<typeof parameters>,
  context: AdapterContext,
  classes: readonly string[] | null,
): Promise<Connection> {
  const { baseFolder } = context;
  const { batch, command, processes, restarts, timeout } = options;
  if (classes !== null) checkSelection(classes, options.output.select);
  const environment = visibleEnvironment(options.environment, process.env);
  const files = await hashes(command, options.files, baseFolder);
  const session = await openCommandSession({
    command,
    folder: baseFolder,
    environment,
    timeout,
    classes,
    select: options.output.select,
    activation: options.activation,
    input: options.input,
    ...("reduce" in options.output ? { reduce: options.output.reduce as Reduction } : {}),
    processes,
    restarts,
    threads: Math.max(1, Math.floor(context.threads / processes)),
    batch,
    secrets: secretsOf(options.environment, environment),
  });
  const { channels, height, width } = session.input;
  const parts = { channels, height, width, fixed: session.input.batch, largest: batch };
  return {
    meta: {
      adapter: "command",
      input: modelInput(options.input, session.input),
      files,
      runtime: `${session.runtime ?? command[0]}, ${processes} ${processes === 1 ? "process" : "processes"}`,
    },
    concurrency: processes,
    rows: (images) => askInParts(images, parts, session.ask),
    close: session.close,
  };
}

/** What every program needs, and what Python and CUDA are set up by. Nothing else: other variables may hold secrets. */
const VISIBLE =
  /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|PYTHON\w*|CUDA_\w+|SystemRoot|SYSTEMROOT|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA)$/;

function visibleEnvironment(more: readonly string[], all: NodeJS.ProcessEnv): Record<string, string> {
  const unset = more.find((name) => all[name] === undefined);
  if (unset !== undefined) {
    throw new StepwedgeError(`the environment variable ${unset} is not set`, {
      where: "model.environment",
      remedy: `Set it before the run, or take it off the list.`,
    });
  }
  const visible = Object.entries(all).filter(([name]) => VISIBLE.test(name) || more.includes(name));
  return Object.fromEntries(visible.map(([name, value]) => [name, value ?? ""]));
}

/** Values of listed variables, which messages must not repeat. Short ones are words that stand anywhere. */
function secretsOf(names: readonly string[], environment: Readonly<Record<string, string>>): Map<string, string> {
  const values = names.map((name) => [name, environment[name] ?? ""] as const);
  return new Map(values.filter(([, value]) => value.length >= 8));
}

/** SHA-256 of the files that make up the model: those listed, and whatever in the command is a file. */
async function hashes(
  command: readonly string[],
  listed: readonly string[],
  folder: string,
): Promise<Record<string, string>> {
  const isFile = (path: string) => statSync(resolve(folder, path), { throwIfNoEntry: false })?.isFile() === true;
  const absent = listed.find((path) => !isFile(path));
  if (absent !== undefined) {
    throw new StepwedgeError("the model file does not exist", {
      where: absent,
      remedy: "Correct model.files; paths start at the protocol's folder.",
    });
  }
  const [program = "", ...args] = command;
  // A bare name is looked for in PATH, and is no file of the model's.
  const candidates = [...(/[\\/]/.test(program) ? [program] : []), ...args.filter((text) => !text.startsWith("-"))];
  const paths = [...new Set([...candidates.filter(isFile), ...listed])];
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, await sha256File(resolve(folder, path))])),
  );
}
