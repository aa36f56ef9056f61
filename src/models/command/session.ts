import PQueue from "p-queue";
import { z } from "zod";
import { ExitCode, received, StepwedgeError } from "../../core/errors.js";
import { canonicalJson } from "../../core/hash.js";
import type { PixelBatch } from "../../core/pixels.js";
import {
  DATATYPES,
  type Datatype,
  isScoreType,
  numbersFrom,
  SCORE_TYPES,
  tensorWriter,
  WIDTH,
} from "../shared/datatypes.js";
import type { InputParameters } from "../shared/parameters.js";
import type { Reduction } from "../shared/dense.js";
import {
  type Activation,
  checkedShape,
  refuseNonFinite,
  type ScoreOptions,
  scoresOf,
  unfit,
} from "../shared/scores.js";
import { resolveSize } from "../shared/size.js";
import { type ImageLayout, shapeOf } from "../shared/values.js";
import { type Frame, PROTOCOL } from "./frames.js";
import { type Program, ProgramFault, type ProgramOptions, startProgram } from "./program.js";

export interface SessionOptions extends ProgramOptions {
  /** null: the program is an encoder, and its columns are a vector. */
  readonly classes: readonly string[] | null;
  readonly select: Readonly<Record<string, number>> | undefined;
  readonly activation: Activation;
  readonly input: InputParameters;
  /** `whole`: all numbers of an answer are taken as they come; default: an encoder gives one vector per image. */
  readonly reduce?: Reduction;
  readonly processes: number;
  /** New runs after crashes, over all processes. */
  readonly restarts: number;
  /** Threads for each process. */
  readonly threads: number;
  /** Images to a question at most. */
  readonly batch: number;
  /** Values that may not be shown, by the name that stands in their place. */
  readonly secrets: ReadonlyMap<string, string>;
}

export interface CommandSession {
  readonly input: ResolvedInput;
  /** What the program says runs it; null where it says nothing. */
  readonly runtime: string | null;
  /** The classes' probabilities. @throws StepwedgeError */
  ask(images: PixelBatch): Promise<Float64Array>;
  close(): Promise<void>;
}

interface ResolvedInput extends ImageLayout {
  readonly name: string;
  readonly datatype: Datatype;
  readonly batch: number | null;
}

const readiness = z.looseObject({
  ready: z.literal(true),
  protocol: z.literal(PROTOCOL).optional(),
  input: z
    .looseObject({
      name: z.string().min(1).optional(),
      shape: z.array(z.number().int().nullable()).min(4).max(5).optional(),
      datatype: z.enum(DATATYPES).optional(),
      layout: z.enum(["NCHW", "NHWC"]).optional(),
    })
    .default({}),
  classes: z.array(z.string()).optional(),
  runtime: z.string().max(200).optional(),
});
type Readiness = z.infer<typeof readiness>;

/** A process and the program that runs in it at present. */
interface Seat {
  program: Program;
}

/**
 * Starts the program and asks what it takes.
 * @throws StepwedgeError where it does not start, or does not fit the protocol
 */
export async function openCommandSession(options: SessionOptions): Promise<CommandSession> {
  const { batch, classes, command, threads } = options;
  const where = `model.command (${command.join(" ")})`;
  const hello = { protocol: PROTOCOL, classes: classes ?? [], threads, batch };
  const seats: Seat[] = [];
  /** All that must be ended, also those that are not ready yet. */
  const running = new Set<Program>();
  let restarts = options.restarts;
  let questions = 0;
  let lost: unknown = null;
  let closed = false;

  const begin = async (): Promise<{ readonly program: Program; readonly ready: Readiness }> => {
    if (closed) throw closedModel(where);
    const program = startProgram(options);
    running.add(program);
    try {
      return { program, ready: parseReadiness(await program.ask(hello, null), where) };
    } catch (error) {
      await end(program);
      throw error;
    }
  };
  const end = async (program: Program) => {
    await program.close();
    running.delete(program);
  };
  const close = async () => {
    closed = true;
    await Promise.all([...running].map(end));
  };
  const safe = (error: unknown) => withoutSecrets(error, options.secrets);

  const first = await begin().catch((error: unknown) => {
    throw safe(error instanceof ProgramFault ? failedStart(error, where) : error);
  });
  seats.push({ program: first.program });
  try {
    const same = canonicalJson(first.ready);
    /** A further run of the program, which must say the same of itself. */
    const further = async (): Promise<Program> => {
      const { program, ready } = await begin();
      if (canonicalJson(ready) === same) return program;
      await end(program);
      throw new StepwedgeError(`said ${received(ready)} when started again, and ${received(first.ready)} at first`, {
        where,
        remedy: "The program must say the same of itself in every run of it.",
      });
    };
    const input = resolveInput(first.ready, options.input, where);
    const select = selection(first.ready, options, where);
    for (let i = 1; i < options.processes; i++) seats.push({ program: await further() });

    const free = [...seats];
    const queue = new PQueue({ concurrency: seats.length });
    const writer = tensorWriter(input.datatype, input, options.input);

    /** The program's answer; after a crash that of a new run of it, as long as there are restarts. */
    const answerOf = async (seat: Seat, header: object, bytes: Buffer): Promise<Frame> => {
      for (;;) {
        try {
          return await seat.program.ask(header, bytes);
        } catch (error) {
          if (!(error instanceof ProgramFault)) throw error;
          await end(seat.program);
          // What ended because it was closed has not crashed.
          if (closed) throw closedModel(where);
          if (!error.passing || restarts === 0) throw lostProgram(error, options.restarts, where);
          restarts--;
          seat.program = await further().catch((second: unknown) => {
            throw second instanceof ProgramFault ? lostProgram(second, options.restarts, where) : second;
          });
        }
      }
    };
    const ask = async (images: PixelBatch): Promise<Float64Array> => {
      if (lost !== null) throw lost;
      const seat = free.pop();
      if (seat === undefined) throw new Error("there are as many seats as questions at once");
      try {
        const { count } = images;
        const { datatype, name } = input;
        const shape = shapeOf(input, count);
        const bytes = writer.bytes(images);
        const id = ++questions;
        const question = { id, input: { name, shape, datatype, bytes: bytes.byteLength } };
        const { shape: sides, values } = readAnswer(await answerOf(seat, question, bytes), id, count, where);
        if (classes !== null) refuseNonFinite(values, count, where);
        const scoring: ScoreOptions = {
          classes,
          select,
          activation: options.activation,
          ...(options.reduce === undefined ? {} : { reduce: options.reduce }),
          classesLast: input.layout === "NHWC",
          where,
          output: "output",
        };
        // Scores may come in any shape that has a row for each image.
        return scoresOf(values, classes === null ? sides : [count, values.length / count], scoring);
      } catch (error) {
        lost = safe(error);
        throw lost;
      } finally {
        free.push(seat);
      }
    };
    return {
      input,
      runtime: first.ready.runtime ?? null,
      ask: (images) => queue.add(() => ask(images), { throwOnTimeout: true }),
      close,
    };
  } catch (error) {
    await close();
    throw safe(error instanceof ProgramFault ? failedStart(error, where) : error);
  }
}

function parseReadiness({ header }: Frame, where: string): Readiness {
  if (typeof header.error === "string") throw programError(header.error, where);
  const result = readiness.safeParse(header);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new StepwedgeError(
    `answered the greeting with ${received(header)}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
    { where, remedy: 'It must answer {"ready": true, "input": {"shape": [-1, channels, height, width]}}.' },
  );
}

function resolveInput({ input }: Readiness, asked: InputParameters, where: string): ResolvedInput {
  const place = `${where}, model.input`;
  for (const key of ["name", "datatype", "layout"] as const) {
    if (asked[key] === undefined || input[key] === undefined || asked[key] === input[key]) continue;
    throw new StepwedgeError(`takes ${key} ${input[key]}; the protocol says ${asked[key]}`, {
      where: place,
      remedy: `Set model.input.${key} to ${input[key]}, or leave it out.`,
    });
  }
  const size = resolveSize(
    input.shape?.map((side) => side ?? -1) ?? [-1, -1, -1, -1],
    { ...asked, layout: asked.layout ?? input.layout },
    place,
  );
  return {
    name: asked.name ?? input.name ?? "input",
    datatype: asked.datatype ?? input.datatype ?? "FP32",
    ...size,
  };
}

/** Columns by the protocol's `select`, else by the names that the program gives its columns, else in order. */
function selection(
  ready: Readiness,
  { classes, select }: SessionOptions,
  where: string,
): Readonly<Record<string, number>> | undefined {
  const named = ready.classes;
  if (select !== undefined || named === undefined || classes === null) return select;
  const missing = classes.find((name) => !named.includes(name));
  if (missing === undefined) return Object.fromEntries(classes.map((name) => [name, named.indexOf(name)]));
  throw new StepwedgeError(`has no class "${missing}"; it names ${named.map(received).join(", ")}`, {
    where,
    remedy: "Correct model.classes, or say which column is which class: model.output.select.",
  });
}

function closedModel(where: string): StepwedgeError {
  return new StepwedgeError("the model was closed", { where, exitCode: ExitCode.incomplete });
}

/** An answer's numbers and their shape, whose first side counts the images. */
function readAnswer(
  { header, bytes }: Frame,
  id: number,
  count: number,
  where: string,
): { readonly shape: readonly number[]; readonly values: Float64Array } {
  if (header.id !== id) {
    throw new StepwedgeError(`answered question ${received(header.id)} where ${id} was asked`, {
      where,
      remedy: "An answer repeats the id of its question.",
    });
  }
  if (typeof header.error === "string") throw programError(header.error, where);
  const output = (header.output ?? {}) as { readonly shape?: unknown; readonly datatype?: unknown };
  const { datatype } = output;
  if (!isScoreType(datatype)) throw unfit(`gave ${received(datatype)}; scores are ${SCORE_TYPES.join(", ")}`, where);
  const shape = checkedShape(output.shape, count, where);
  const needed = shape.reduce((product, side) => product * side, WIDTH[datatype]);
  if (bytes.length === needed) return { shape, values: numbersFrom(datatype, bytes) };
  throw unfit(`gave ${bytes.length} bytes; shape ${received(shape)} of ${datatype} needs ${needed}`, where);
}

function programError(text: string, where: string): StepwedgeError {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  const shown = line.length > 500 ? `${line.slice(0, 499)}…` : line;
  return new StepwedgeError(`reports: ${shown}`, {
    where,
    remedy: "The program itself gave up on this; mend it there.",
  });
}

const CHATTER = "Print to standard error instead (Python: print(..., file=sys.stderr)).";

/** It never was ready: the program or its place is at fault. */
function failedStart({ lastWords, message, passing }: ProgramFault, where: string): StepwedgeError {
  const remedy = message.startsWith("printed") ? CHATTER : "Correct model.command; it starts at the protocol's folder.";
  const timedOut = passing && message.startsWith("gave no answer");
  return new StepwedgeError(timedOut ? `${message} when it was started` : message, {
    where,
    remedy: timedOut
      ? `Raise model.timeout if it loads for long.${quoted(lastWords)}`
      : `${remedy}${quoted(lastWords)}`,
    exitCode: timedOut ? ExitCode.incomplete : ExitCode.usage,
  });
}

/** It was ready once, and is no more. */
function lostProgram({ lastWords, message, passing }: ProgramFault, restarts: number, where: string): StepwedgeError {
  if (!passing) return new StepwedgeError(message, { where, remedy: `${CHATTER}${quoted(lastWords)}` });
  return new StepwedgeError(
    restarts === 0 ? message : `${message}, after ${restarts} restart${restarts === 1 ? "" : "s"}`,
    {
      where,
      remedy: `What was scored is kept: mend the program and run again with --resume.${quoted(lastWords)}`,
      exitCode: ExitCode.incomplete,
    },
  );
}

function quoted(lastWords: string): string {
  return lastWords === "" ? "" : `\n  Its last words on standard error:\n  | ${lastWords}`;
}

function withoutSecrets(error: unknown, secrets: ReadonlyMap<string, string>): unknown {
  if (!(error instanceof StepwedgeError)) return error;
  const safe = (text: string) =>
    [...secrets].reduce((shown, [name, value]) => shown.replaceAll(value, `[${name}]`), text);
  return new StepwedgeError(safe(error.message), {
    exitCode: error.exitCode,
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.remedy === undefined ? {} : { remedy: safe(error.remedy) }),
  });
}
