// What the protocol's calls have in common: the token, retries, and what a status means.
import { setTimeout as sleep } from "node:timers/promises";
import pRetry, { AbortError } from "p-retry";
import { ExitCode, StepwedgeError } from "../../core/errors.js";
import { type Answer, type HttpClient, NoAnswer } from "./http.js";

export interface ClientOptions {
  readonly address: URL;
  readonly http: HttpClient;
  readonly token: string | null;
  /** Further tries after the first. */
  readonly retries: number;
  /** Aborted when the model is closed: nothing is waited for any more. */
  readonly signal: AbortSignal;
}

export interface Call {
  readonly method: "GET" | "POST";
  /** Below the server's address, such as "v2/health/live". */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  readonly limit: number;
  /** Statuses that are answers rather than faults, besides 200. */
  readonly accept?: readonly number[];
}

export interface Client {
  /** @throws StepwedgeError where there is no answer of an accepted status */
  call(call: Call): Promise<Answer>;
  /** A text of the server's, fit to be shown: one line, cut, without the token. */
  shown(text: string): string;
  /** The error as it may be shown: a server may have echoed the token. */
  safe(error: unknown): unknown;
}

/** The first wait in milliseconds; each further one is twice as long. Without chance, since nothing else here has any. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** What a server may ask for by Retry-After, in milliseconds. */
const LONGEST_REQUESTED_WAIT = 60_000;

/** Busy, or behind a gateway whose server is away: it passes. */
const PASSING = new Set([408, 429, 502, 503, 504]);

const RESUME = "Check the server. What was scored is kept: run again with --resume.";

/** A status that passes. */
class Busy extends Error {
  constructor(
    message: string,
    readonly wait: number,
  ) {
    super(message);
    this.name = "Busy";
  }
}

export function openInferenceClient({ address, http, retries, signal, token }: ClientOptions): Client {
  const shown = (text: string) => presentable(text, token);

  const once = async (call: Call): Promise<Answer> => {
    const answer = await http.send({
      method: call.method,
      url: new URL(call.path, address),
      headers: { Accept: "*/*", ...call.headers, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) },
      body: call.body ?? [],
      limit: call.limit,
    });
    const { headers, status } = answer;
    if (status === 200 || call.accept?.includes(status) === true) return plain(answer, call);
    const fault = `answered ${status}${quoted(serverError(answer.body), shown)}`;
    if (PASSING.has(status)) throw new Busy(fault, requestedWait(headers["retry-after"], headers.date));
    throw refused(status, fault, headers.location, call, shown);
  };

  /** Answers as they are: compression was not asked for, and what was not asked for is not unpacked. */
  const plain = (answer: Answer, call: Call): Answer => {
    const encoding = answer.headers["content-encoding"] ?? "identity";
    if (encoding === "identity") return answer;
    throw new StepwedgeError(`answered with content encoding "${shown(encoding)}", which was not asked for`, {
      where: placeOf(call),
      remedy: "Switch compression off in the server or in the proxy before it.",
      exitCode: ExitCode.incomplete,
    });
  };

  const placeOf = ({ path }: Call) => new URL(path, address).href;

  return {
    shown,
    safe: (error) => withoutToken(error, token),
    async call(call) {
      try {
        return await pRetry(() => once(call).catch((error: unknown) => rethrow(error)), {
          retries,
          minTimeout: FIRST_WAIT,
          maxTimeout: LONGEST_WAIT,
          factor: 2,
          randomize: false,
          signal,
          async onFailedAttempt(error) {
            // p-retry waits as long as the schedule says; the server may ask for more.
            const scheduled = Math.min(FIRST_WAIT * 2 ** (error.attemptNumber - 1), LONGEST_WAIT);
            const more = error instanceof Busy ? error.wait - scheduled : 0;
            if (more > 0 && error.retriesLeft > 0) await sleep(more, undefined, { signal });
          },
        });
      } catch (error) {
        throw explain(error, call);
      }
    },
  };

  function explain(error: unknown, call: Call): unknown {
    const where = placeOf(call);
    const times = retries === 0 ? "" : `, ${retries + 1} times in a row`;
    if (error instanceof Busy) {
      return new StepwedgeError(`${error.message}${times}`, { where, remedy: RESUME, exitCode: ExitCode.incomplete });
    }
    if (!(error instanceof NoAnswer)) return error;
    if (error.passing) {
      return new StepwedgeError(`${error.message}${times}`, { where, remedy: RESUME, exitCode: ExitCode.incomplete });
    }
    const message = shown(error.message);
    if (error.code === "ENOTFOUND") {
      return new StepwedgeError(message, { where, remedy: "Correct model.url." });
    }
    if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|^ERR_TLS/.test(error.code)) {
      return new StepwedgeError(`the server's certificate is not trusted: ${message}`, {
        where,
        remedy: "Name the certificate of the authority that issued it: model.ca: <file>.pem",
      });
    }
    if (error.code === "EPROTO" || error.code === "ERR_SSL_WRONG_VERSION_NUMBER") {
      return new StepwedgeError(`does not speak TLS: ${message}`, {
        where,
        remedy: "Use http:// in model.url, or the server's https port.",
      });
    }
    return new StepwedgeError(message, { where, remedy: RESUME, exitCode: ExitCode.incomplete });
  }

  function refused(
    status: number,
    fault: string,
    location: string | undefined,
    call: Call,
    show: (text: string) => string,
  ): StepwedgeError {
    const where = placeOf(call);
    if (status >= 300 && status < 400) {
      return new StepwedgeError(`${fault}: it redirects to ${show(location ?? "?")}`, {
        where,
        remedy: "Redirections are not followed. Give the server's own address in model.url.",
      });
    }
    if (status === 401 || status === 403) {
      const remedy =
        token === null
          ? "Name the environment variable that holds the server's token: model.tokenVariable."
          : "Check the token in the environment variable that model.tokenVariable names.";
      return new StepwedgeError(fault, { where, remedy });
    }
    if (status === 404) return new StepwedgeError(fault, { where, remedy: "Check model.url, name and version." });
    if (status < 500) {
      const suspect = call.method === "GET" ? "model.url, name and version" : "model.input";
      return new StepwedgeError(fault, { where, remedy: `Check ${suspect} against what the server has.` });
    }
    return new StepwedgeError(fault, { where, remedy: RESUME, exitCode: ExitCode.incomplete });
  }
}

/** Only what passes is tried again. */
function rethrow(error: unknown): never {
  if (error instanceof Busy || (error instanceof NoAnswer && error.passing)) throw error;
  throw error instanceof StepwedgeError || error instanceof NoAnswer ? new AbortError(error) : error;
}

/** `{"error": …}`, or whatever stands there instead. */
function serverError(body: Buffer): string {
  const text = body.subarray(0, 4096).toString("utf8");
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === "string" ? error : text;
  } catch {
    return text;
  }
}

function quoted(text: string, shown: (text: string) => string): string {
  const line = shown(text);
  return line === "" ? "" : `: ${line}`;
}

function withoutToken(error: unknown, token: string | null): unknown {
  if (token === null || !(error instanceof StepwedgeError) || !error.format().includes(token)) return error;
  const safe = (text: string) => text.replaceAll(token, "[token]");
  return new StepwedgeError(safe(error.message), {
    exitCode: error.exitCode,
    ...(error.where === undefined ? {} : { where: safe(error.where) }),
    ...(error.remedy === undefined ? {} : { remedy: safe(error.remedy) }),
  });
}

const LONGEST_QUOTE = 300;

function presentable(text: string, token: string | null): string {
  const safe = token === null ? text : text.replaceAll(token, "[token]");
  // Control characters could command a terminal.
  const line = safe.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return line.length > LONGEST_QUOTE ? `${line.slice(0, LONGEST_QUOTE - 1)}…` : line;
}

/**
 * Retry-After (RFC 9110, section 10.2.3) in milliseconds, bounded: a number of seconds, or a date, which is measured
 * against the answer's own date rather than against a clock of ours.
 */
export function requestedWait(retryAfter: string | undefined, date: string | undefined): number {
  if (retryAfter === undefined) return 0;
  const wait = /^\s*\d+\s*$/.test(retryAfter)
    ? Number(retryAfter) * 1000
    : Date.parse(retryAfter) - Date.parse(date ?? "");
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), LONGEST_REQUESTED_WAIT);
}
