import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { received, StepwedgeError } from "../../core/errors.js";

/** Where the server is: the address that `v2/…` is appended to. */
export function serverAddress(text: string): URL {
  const fault = (message: string, remedy: string) => new StepwedgeError(message, { where: "model.url", remedy });
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw fault(
      `must be an http:// or https:// address; received ${received(withoutUser(text))}`,
      "Such as http://localhost:8000.",
    );
  }
  // Never quoted: the address stands in the record.
  if (url.username !== "" || url.password !== "") {
    throw fault(
      "holds a user name or password",
      "Put a token into an environment variable, and its name into model.tokenVariable.",
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw fault("has a query (?) or fragment (#)", "Give the server's address only, such as https://host:8000.");
  }
  url.pathname = url.pathname.replace(/\/+(v2)?\/*$/, "/");
  return url;
}

function withoutUser(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//");
}

/** Whether the address is this machine's own, so that nothing travels over a network. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

export interface TokenOptions {
  readonly tokenVariable?: string | undefined;
  readonly tokenInClear: boolean;
}

/**
 * The bearer token from the environment, or null.
 * @throws StepwedgeError where the variable is not set, or the token would travel unencrypted
 */
export function bearerToken(url: URL, options: TokenOptions, environment: NodeJS.ProcessEnv): string | null {
  const { tokenInClear, tokenVariable } = options;
  if (tokenVariable === undefined) return null;
  const where = "model.tokenVariable";
  const token = environment[tokenVariable]?.trim() ?? "";
  if (token === "") {
    throw new StepwedgeError(`the environment variable ${tokenVariable} is not set`, {
      where,
      remedy: `Set it to the server's token before the run: export ${tokenVariable}=…`,
    });
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new StepwedgeError(`the environment variable ${tokenVariable} holds characters that no token has`, {
      where,
      remedy: "A bearer token is one word of printable ASCII characters.",
    });
  }
  if (url.protocol === "http:" && !isLoopback(url) && !tokenInClear) {
    throw new StepwedgeError(`would send the token of ${tokenVariable} unencrypted to ${url.host}`, {
      where: "model.url",
      remedy: "Use https://; or set model.tokenInClear: true if the network is yours alone.",
    });
  }
  return token;
}

/** The certificates that the server's must descend from, in PEM; null: those that Node trusts. */
export function certificates(path: string | undefined, baseFolder: string): string | null {
  if (path === undefined) return null;
  const fault = (message: string) =>
    new StepwedgeError(message, { where: path, remedy: "Give model.ca a file of certificates in PEM." });
  let text: string;
  try {
    text = readFileSync(resolve(baseFolder, path), "utf8");
  } catch (cause) {
    throw fault(`cannot be read (${(cause as NodeJS.ErrnoException).code ?? "?"})`);
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw fault("holds no certificate");
  return text;
}
