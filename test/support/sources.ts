import { AS_STORED, type DataSource, type SourceContext, type SourceTable } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";

/** Opens a data source as a run of scores would: no images asked for, unless the context says so. */
export function openSource(
  source: DataSource,
  baseFolder: string,
  parameters: Record<string, unknown>,
  context: Partial<SourceContext> = {},
): Promise<SourceTable> {
  return source.open(source.meta.parameters.parse(parameters), {
    baseFolder,
    seed: 1,
    columns: ["id"],
    numbers: [],
    imageColumn: null,
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
    ...context,
  });
}

/** The words in which something is refused; they must say what to do. Fails where nothing is. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => "nothing was refused",
    (reason: unknown) => reason,
  );
  if (!(error instanceof StepwedgeError)) throw new Error(`expected a refusal, received ${String(error)}`);
  expect(error.remedy).toBeDefined();
  return error.format();
}
