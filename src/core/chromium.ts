import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"] as const;

/**
 * The installed Chromium or Chrome: the program that the environment's `CHROMIUM_PATH` names, else the first that
 * stands on its `PATH`; null where there is none.
 */
export function findChromium(environment: NodeJS.ProcessEnv): string | null {
  const named = environment.CHROMIUM_PATH;
  if (named !== undefined && named !== "") return existsSync(named) ? named : null;
  const folders = (environment.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return candidates.find((path) => existsSync(path)) ?? null;
}
