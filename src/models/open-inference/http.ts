// HTTP with kept connections, on node:http and node:https: fetch takes no certificate authority of the user's.
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface Question {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Parts of the body, in order. */
  readonly body: readonly Uint8Array[];
  /** Bytes that the answer's body may have. */
  readonly limit: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** There is no whole answer. `passing`: the same question may get one later. */
export class NoAnswer extends Error {
  constructor(
    message: string,
    readonly passing: boolean,
    /** Node's or OpenSSL's code. */
    readonly code: string,
  ) {
    super(message);
    this.name = "NoAnswer";
  }
}

export interface HttpClient {
  /** @throws NoAnswer */
  send(question: Question): Promise<Answer>;
  close(): void;
}

export interface HttpOptions {
  readonly secure: boolean;
  readonly certificates: string | null;
  readonly connections: number;
  /** Seconds from the question's first byte to the answer's last. */
  readonly timeout: number;
}

export function httpClient({ certificates, connections, secure, timeout }: HttpOptions): HttpClient {
  const shared = { keepAlive: true, maxSockets: connections };
  const agent = secure
    ? new HttpsAgent({ ...shared, ...(certificates === null ? {} : { ca: certificates }) })
    : new HttpAgent(shared);
  const inFlight = new Set<ClientRequest>();
  let closed = false;

  const send = ({ method, url, headers, body, limit }: Question): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (closed) {
        reject(closedModel());
        return;
      }
      const length = body.reduce((total, part) => total + part.byteLength, 0);
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method,
        agent,
        headers: { ...headers, ...(method === "POST" ? { "Content-Length": String(length) } : {}) },
      });
      const timer = setTimeout(
        () => fail(new NoAnswer(`no answer within ${timeout} s`, true, "ETIMEDOUT")),
        timeout * 1000,
      );
      const fail = (error: NoAnswer): void => {
        clearTimeout(timer);
        reject(error);
        request.destroy();
      };
      inFlight.add(request);
      request.on("close", () => inFlight.delete(request));
      let answered = false;
      request.on("error", (error: NodeJS.ErrnoException) => {
        // A server may answer and close before it has read all of a question: then the answer counts.
        if (!answered) fail(lost(error, closed));
      });
      request.on("response", (response) => {
        answered = true;
        collect(response, limit).then(
          (whole) => {
            clearTimeout(timer);
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: whole });
          },
          (error: NoAnswer) => fail(error),
        );
      });
      for (const part of body) request.write(part);
      request.end();
    });

  return {
    send,
    close() {
      closed = true;
      for (const request of inFlight) request.destroy(new Error("closed"));
      agent.destroy();
    },
  };
}

function collect(response: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    response.on("data", (part: Buffer) => {
      length += part.length;
      if (length <= limit) parts.push(part);
      else reject(new NoAnswer(`the answer is longer than ${limit.toLocaleString("en-US")} bytes`, false, "TOO_LONG"));
    });
    response.on("end", () => {
      if (response.complete) resolve(Buffer.concat(parts, length));
    });
    response.on("error", (error: NodeJS.ErrnoException) => reject(lost(error, false)));
    response.on("close", () => reject(cutOff()));
  });
}

const closedModel = () => new NoAnswer("the model was closed", false, "CLOSED");
const cutOff = () => new NoAnswer("the connection ended in the middle of the answer", true, "ECONNRESET");

/** Faults of a connection that pass: of all others the cause must be mended first. */
const PASSING: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was lost",
  ECONNABORTED: "the connection was lost",
  EPIPE: "the connection was lost",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the server cannot be reached",
  ENETUNREACH: "the server cannot be reached",
  ENETDOWN: "the network is down",
  EAI_AGAIN: "the server's name cannot be looked up at present",
};

function lost(error: NodeJS.ErrnoException, closed: boolean): NoAnswer {
  if (closed) return closedModel();
  const code = error.code ?? "?";
  const passing = PASSING[code];
  if (passing !== undefined) return new NoAnswer(`${passing} (${code})`, true, code);
  if (code === "ENOTFOUND") return new NoAnswer("there is no server of that name", false, code);
  return new NoAnswer(`${error.message} (${code})`, false, code);
}
