import { StepwedgeError } from "../core/errors.js";

/**
 * The passphrase in an environment variable: on the command line everyone on the machine could read it.
 * @param variable the variable's name; undefined: there is no passphrase
 * @throws StepwedgeError where the variable is not set
 */
export function passphraseFrom(variable: string | undefined): string | null {
  if (variable === undefined) return null;
  const passphrase = process.env[variable];
  if (passphrase !== undefined && passphrase !== "") return passphrase;
  throw new StepwedgeError(`the environment variable ${variable} is not set`, {
    where: "--passphrase-env",
    remedy: "Set it to the passphrase of the key; give its name here, never the passphrase itself.",
  });
}
