import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "shared", "data");

/** The folder of real material beside the repository; null where it is absent, and tests that need it are skipped. */
export const sharedData: string | null = existsSync(folder) ? folder : null;
